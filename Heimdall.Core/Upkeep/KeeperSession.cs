using System.Data;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// The session that makes this process the keeper. It holds an advisory lock, which ends with it. The server ends the
/// session when it hears nothing for a while: so a process that is frozen or cut off is followed by another one too. A
/// server that can only be read has no keeper: after a fail-over the lock of the former primary means nothing.
/// </summary>
internal sealed class KeeperSession : IAsyncDisposable
{
    // One for each schema: several Heimdalls may share a database. The number keeps it apart from other locks.
    private const string Key = "hashtextextended(current_schema(), 6204)";

    // Given back at the end of the statement, whatever becomes of its caller.
    private const string IsFreeSql = $"select pg_try_advisory_xact_lock({Key})";

    private const string LockSql =
        $"select case when {IsReadOnly} then false else pg_try_advisory_lock({Key}) end";

    private const string IsReadOnly = "current_setting('transaction_read_only')::boolean";

    /// <summary>A busy machine may let a process wait for longer than the shortest leases.</summary>
    private static readonly TimeSpan LeastSilence = TimeSpan.FromSeconds(5);

    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlCommand _look;
    private readonly int _conditions;

    private KeeperSession(NpgsqlConnection connection, IReadOnlyList<string> conditions, TimeSpan lease)
    {
        _connection = connection;
        _conditions = conditions.Count;
        _look = new NpgsqlCommand(LookSql(conditions), connection) { Parameters = { new() { Value = lease } } };
    }

    /// <summary>The statement that says which conditions hold. $1 is the lease.</summary>
    internal static string LookSql(IEnumerable<string> conditions) =>
        $"select {string.Join(",\n", conditions.Select(condition => $"({condition})"))},\n{IsReadOnly}, $1::interval";

    /// <summary>Becomes the keeper, unless another process is.</summary>
    /// <param name="database">The store.</param>
    /// <param name="conditions">What is asked by <see cref="LookAsync"/>.</param>
    /// <param name="lease">After so much silence another process may be the keeper, or after a few seconds.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>Null when another process is the keeper.</returns>
    public static async Task<KeeperSession?> TryOpenAsync(
        StoreDatabase database, IReadOnlyList<string> conditions, TimeSpan lease, CancellationToken cancellationToken)
    {
        await using (var isFree = database.DataSource.CreateCommand(IsFreeSql))
        {
            if (await isFree.ExecuteScalarAsync(cancellationToken) is not true)
            {
                return null; // no session is opened to find that out
            }
        }
        var connection = await database.Upkeep.OpenConnectionAsync(cancellationToken);
        var session = new KeeperSession(connection, conditions, lease);
        try
        {
            var silence = lease > LeastSilence ? lease : LeastSilence;
            await session.ExecuteAsync(
                $"set idle_session_timeout = '{(long)silence.TotalMilliseconds}ms'", cancellationToken);
            if (await session.ExecuteAsync(LockSql, cancellationToken) is true)
            {
                return session;
            }
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
        await session.DisposeAsync();
        return null;
    }

    /// <summary>Shows the server that this process lives, and asks which conditions hold.</summary>
    /// <exception cref="NpgsqlException">The session has ended: another process may be the keeper.</exception>
    public async Task<bool[]> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var row = await _look.ExecuteReaderAsync(cancellationToken);
            await row.ReadAsync(cancellationToken);
            if (row.GetBoolean(_conditions))
            {
                throw new NpgsqlException("The server of the keeper's session can only be read.");
            }
            return [.. Enumerable.Range(0, _conditions).Select(row.GetBoolean)];
        }
        catch (InvalidOperationException exception) when (_connection.State != ConnectionState.Open)
        {
            // Found out between two looks, as after this process was frozen.
            throw new NpgsqlException("The keeper's session has ended.", exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _look.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private async Task<object?> ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync(cancellationToken);
    }
}
