using System.Data;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>
/// The connection of one job. However the job ends, nothing of it is left in the database: the transaction is rolled back, the session
/// wiped before the connection serves another job, and a backend that no longer answers is terminated.
/// </summary>
internal sealed class Session : IAsyncDisposable
{
    /// <summary>How long a session that should be idle may take to answer.</summary>
    private static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(2);

    private const string OwnTransaction =
        "select split_part(virtualxid, '/', 2)::bigint from pg_locks where locktype = 'virtualxid' and pid = pg_backend_pid()";

    private readonly ClusterPool _pool;
    private readonly string _host;
    private readonly int _port;
    private readonly TimeSpan? _statementTimeout;
    private readonly long _opened = Stopwatch.GetTimestamp();
    private bool _inTransaction;
    private bool _isLost;
    private bool _stopped;

    private Session(ClusterPool pool, NpgsqlConnection connection, SessionSettings settings, Backend backend)
    {
        _pool = pool;
        _host = connection.Host!;
        _port = connection.Port;
        _statementTimeout = settings.StatementTimeout;
        _inTransaction = settings.Begin is not null;
        Connection = connection;
        Backend = backend;
    }

    public NpgsqlConnection Connection { get; }

    public Backend Backend { get; }

    public ClusterPool Pool => _pool;

    /// <summary>What an error of this session depends on.</summary>
    public SessionState State => new(IsAlive, _statementTimeout is { } timeout && Stopwatch.GetElapsedTime(_opened) >= timeout);

    /// <summary>False once the server or Npgsql has given the session up.</summary>
    public bool IsAlive => !_isLost && Connection.State == ConnectionState.Open;

    /// <exception cref="JobFailedException">The cluster cannot be used.</exception>
    public static async Task<Session> OpenAsync(ClusterPool pool, SessionSettings settings, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection;
        try
        {
            connection = await (settings.IsAlone ? pool.OpenAloneAsync(cancellationToken) : pool.OpenAsync(cancellationToken));
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(PostgresErrors.CannotConnect(e), e);
        }

        try
        {
            return new Session(pool, connection, settings, await SetUpAsync(connection, settings, cancellationToken));
        }
        catch (NpgsqlException e)
        {
            await AbandonAsync(connection);
            throw new JobFailedException(PostgresErrors.ToFailure(e, ErrorPlace.None), e);
        }
        catch (OperationCanceledException)
        {
            await AbandonAsync(connection);
            throw;
        }
    }

    public ValueTask<NpgsqlConnection> OpenControlAsync(CancellationToken cancellationToken) => _pool.OpenControlAsync(_host, _port, cancellationToken);

    /// <summary>Notes that the session is over, when somebody else than Npgsql has noticed.</summary>
    public void GiveUp() => _isLost = true;

    /// <summary>Notes whether a transaction is open, when somebody else than Npgsql has opened or ended it.</summary>
    public void Adopt(bool isInTransaction) => _inTransaction = isInTransaction;

    /// <summary>The number of the transaction that this question runs in: a session counts its transactions, each by one.</summary>
    public async Task<long> NextTransactionAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(OwnTransaction, Connection);
        return await command.ExecuteScalarAsync(cancellationToken) as long? ?? 0;
    }

    /// <summary>Opens a transaction in which nothing has been asked yet.</summary>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync("begin", cancellationToken);
        _inTransaction = true;
    }

    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        await ExecuteAsync("commit", cancellationToken);
        _inTransaction = false;
    }

    /// <summary>Makes sure that nothing of the job runs any more and that what was not committed is rolled back.</summary>
    /// <exception cref="JobFailedException">It cannot be made sure: the cluster does not answer.</exception>
    public async Task StopAsync()
    {
        if (_stopped)
        {
            return;
        }

        if (!IsAlive || !await TryRollBackAsync())
        {
            await TerminateAsync();
        }

        _stopped = true;
    }

    /// <summary>Ends the backend from a second connection.</summary>
    /// <exception cref="JobFailedException">It cannot be reached, or does not end.</exception>
    public async Task TerminateAsync()
    {
        try
        {
            await using var control = await OpenControlAsync(CancellationToken.None);
            // Not by its name, which a newer attempt of the job has too.
            if (await Backends.EndAsync(control, applicationName: null, Backend, CancellationToken.None))
            {
                return;
            }
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(JobFailureKind.Unavailable, "The session was lost, and the cluster could not be reached to make sure that it has ended.", e);
        }

        throw new JobFailedException(JobFailureKind.Unavailable, "The session was told to end and has not ended.");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        catch (JobFailedException)
        {
            // How the job ended has been told; client_connection_check_interval ends the backend of a dead connection within a second.
        }
        finally
        {
            await GiveBackAsync(Connection, isUsable: !_isLost);
        }
    }

    private static async Task<Backend> SetUpAsync(NpgsqlConnection connection, SessionSettings settings, CancellationToken cancellationToken)
    {
        var sql = new StringBuilder(
            """
            select pg_backend_pid(),
                (select (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_get_activity(pg_backend_pid()))
            """);
        var command = new NpgsqlBatchCommand();

        // Ends the backend of a dead client within a second instead of at the end of its statement. Windows servers cannot.
        if (connection.PostgreSqlVersion.Major >= 14)
        {
            sql.Append(", case when version() ~ 'linux|apple|darwin|bsd' then set_config('client_connection_check_interval', '1s', false) end");
        }

        foreach (var (name, value) in settings.Values)
        {
            command.Parameters.Add(new() { Value = name });
            command.Parameters.Add(new() { Value = value });
            sql.Append(CultureInfo.InvariantCulture, $", set_config(${command.Parameters.Count - 1}, ${command.Parameters.Count}, false)");
        }

        // In a transaction the server would go on showing pg_stat_activity as it was here.
        sql.Append(", pg_stat_clear_snapshot()");
        command.CommandText = sql.ToString();
        await using var batch = new NpgsqlBatch(connection);
        if (settings.Begin is { } begin)
        {
            // It comes first: after a query, which the set-up is, nothing makes a read-only transaction writable again.
            batch.BatchCommands.Add(new NpgsqlBatchCommand(begin));
        }

        batch.BatchCommands.Add(command);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new Backend(reader.GetInt32(0), reader.GetInt64(1));
    }

    private async Task<bool> TryRollBackAsync()
    {
        if (!_inTransaction)
        {
            return true;
        }

        try
        {
            using var courtesy = new CancellationTokenSource(Courtesy);
            await ExecuteAsync("rollback", courtesy.Token);
            return IsAlive;
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            return false;
        }
    }

    /// <summary>Gives back a connection whose set-up failed, perhaps inside the job's transaction.</summary>
    private static async Task AbandonAsync(NpgsqlConnection connection)
    {
        try
        {
            if (connection.State == ConnectionState.Open)
            {
                using var courtesy = new CancellationTokenSource(Courtesy);
                await using var rollback = new NpgsqlCommand("rollback", connection);
                await rollback.ExecuteNonQueryAsync(courtesy.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            // The wipe fails for the same reason, and then closes the connection.
        }
        finally
        {
            await GiveBackAsync(connection);
        }
    }

    /// <summary>
    /// Temporary tables, locks, settings, roles, listens: none may reach the next job on a pooled connection, or, of one that is closed,
    /// be left for the moment in which the job is over and its backend not yet gone. A session that cannot be wiped is closed.
    /// </summary>
    private static async Task GiveBackAsync(NpgsqlConnection connection, bool isUsable = true)
    {
        try
        {
            if (isUsable && connection.State == ConnectionState.Open)
            {
                using var courtesy = new CancellationTokenSource(Courtesy);
                await using var wipe = new NpgsqlCommand("discard all", connection);
                await wipe.ExecuteNonQueryAsync(courtesy.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            NpgsqlConnection.ClearPool(connection);
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, Connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
