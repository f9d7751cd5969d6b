using Heimdall.Plugins.Postgres.Connections;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Leaves a receipt in the transaction of a batch, whatever its script has made of the session.</summary>
internal sealed class BatchReceipts(ReceiptTable table, Guid jobId, int attempt)
{
    private const string State =
        """
        select pg_catalog.current_setting('transaction_read_only') = 'on', pg_catalog.current_setting('session_authorization'),
            pg_catalog.current_setting('role')
        """;

    // Only for the receipt: triggers that are put off to the commit run as whom the script has become.
    private const string Restore = "select pg_catalog.set_config('session_authorization', $1, true), pg_catalog.set_config('role', $2, true)";

    /// <param name="session">The batch's, before its transaction begins.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="Core.Plugins.JobFailedException">There is no table for receipts, and it cannot be made.</exception>
    public async Task<BatchReceipt> PrepareAsync(Session session, CancellationToken cancellationToken) => new()
    {
        JobId = jobId,
        Attempt = attempt,
        Table = table.Find() ?? await session.OnControlAsync(control => table.PrepareAsync(control, cancellationToken), cancellationToken),
        Since = await NowAsync(session, cancellationToken),
    };

    /// <summary>Writes it.</summary>
    /// <returns>False when the script has made its transaction read-only, so that nothing can be written any more.</returns>
    public async Task<bool> TryWriteAsync(Session session, CancellationToken cancellationToken)
    {
        var (isReadOnly, user, role) = await StateAsync(session.Connection, cancellationToken);
        if (isReadOnly)
        {
            return false;
        }

        await using var batch = new NpgsqlBatch(session.Connection);
        var isAnother = user != session.Connection.UserName || role != "none";
        if (isAnother)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand("reset session authorization"));
            batch.BatchCommands.Add(new NpgsqlBatchCommand("set local role none"));
        }

        batch.BatchCommands.Add(ReceiptTable.WriteCommand(jobId, attempt));
        if (isAnother)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Restore) { Parameters = { new() { Value = user }, new() { Value = role } } });
        }

        try
        {
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            table.Forget();
            throw;
        }
    }

    private static async Task<DateTimeOffset> NowAsync(Session session, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select pg_catalog.clock_timestamp()", session.Connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return reader.GetFieldValue<DateTimeOffset>(0);
    }

    private static async Task<(bool IsReadOnly, string User, string Role)> StateAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(State, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetBoolean(0), reader.GetString(1), reader.GetString(2));
    }
}
