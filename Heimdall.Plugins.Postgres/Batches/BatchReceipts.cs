using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Sessions;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Leaves a receipt in the transaction of a batch, whatever its script has made of the session.</summary>
internal sealed class BatchReceipts(ReceiptTable table, Guid jobId, int attempt)
{
    private const string State =
        """
        select pg_catalog.current_setting('transaction_read_only') = 'on',
            pg_catalog.current_setting('session_authorization'),
            pg_catalog.current_setting('role')
        """;

    // Only for the receipt: triggers that are put off to the commit run as whom the script has become.
    private const string Restore =
        "select pg_catalog.set_config('session_authorization', $1, true), pg_catalog.set_config('role', $2, true)";

    private const string Now = "select extract(epoch from pg_catalog.clock_timestamp())";

    /// <param name="session">The batch's, before its transaction begins.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="Core.Plugins.JobFailedException">There is no table for receipts, and it cannot be
    /// made.</exception>
    public async Task<BatchReceipt> PrepareAsync(ClusterSession session, CancellationToken cancellationToken) => new()
    {
        JobId = jobId,
        Attempt = attempt,
        Table = table.Find() ?? await session.Control.AskAsync(
            control => table.PrepareAsync(control, cancellationToken), cancellationToken),
        Since = TextValues.Time((await session.AskAsync(cancellationToken, Now))[0][0]),
    };

    /// <summary>Writes it.</summary>
    /// <returns>False when the script has made its transaction read-only, so that nothing can be written any
    /// more.</returns>
    public async Task<bool> TryWriteAsync(ClusterSession session, CancellationToken cancellationToken)
    {
        var state = (await session.AskAsync(cancellationToken, State))[0];
        if (TextValues.Boolean(state[0]))
        {
            return false;
        }

        var (user, role) = (state[1], state[2]);
        var write = ReceiptTable.WriteQuestion(jobId, attempt);
        Question[] questions = user == session.UserName && role == "none"
            ? [write]
            : ["reset session authorization", "set local role none", write, new Question(Restore, user, role)];
        try
        {
            await session.AskAsync(cancellationToken, questions);
            return true;
        }
        catch (Exception e) when (e is PostgresException or SessionBrokenException)
        {
            table.Forget();
            throw;
        }
    }
}
