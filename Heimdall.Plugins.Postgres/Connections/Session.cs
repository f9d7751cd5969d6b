using System.Data;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>
/// The connection of one batch, whose backend serves nobody else: recovery ends the backend that a batch's evidence names. However the
/// batch ends, nothing of it is left in the database: the transaction is rolled back, and a backend that no longer answers is terminated.
/// </summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly BackendControl _control;
    private readonly TimeSpan? _statementTimeout;
    private readonly long _opened = Stopwatch.GetTimestamp();
    private bool _inTransaction;
    private bool _isLost;
    private bool _hasTriedToTerminate;
    private bool _stopped;

    private Session(ClusterPool pool, NpgsqlConnection connection, SessionSettings settings, Backend backend)
    {
        _control = new BackendControl(pool, connection.Host!, connection.Port, backend);
        _statementTimeout = settings.StatementTimeout;
        Connection = connection;
    }

    public NpgsqlConnection Connection { get; }

    public Backend Backend => _control.Backend;

    /// <summary>False after <c>set standard_conforming_strings = off</c>: the server tells of each change.</summary>
    public bool HasStandardStrings => !Connection.PostgresParameters.TryGetValue("standard_conforming_strings", out var value) || value == "on";

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
            connection = await pool.OpenAloneAsync(cancellationToken);
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(PostgresErrors.CannotConnect(e) with { IsUndone = true }, e);
        }

        try
        {
            return new Session(pool, connection, settings, await SetUpAsync(connection, settings, cancellationToken));
        }
        catch (NpgsqlException e)
        {
            await UsedConnections.GiveBackAsync(connection);
            throw new JobFailedException(PostgresErrors.ToFailure(e, ErrorPlace.None) with { IsUndone = true }, e);
        }
        catch (OperationCanceledException)
        {
            await UsedConnections.GiveBackAsync(connection);
            throw;
        }
    }

    public ValueTask<NpgsqlConnection> OpenControlAsync(CancellationToken cancellationToken) => _control.OpenAsync(cancellationToken);

    /// <inheritdoc cref="ControlQuestion"/>
    public Task<T> OnControlAsync<T>(Func<NpgsqlConnection, Task<T>> askAsync, CancellationToken cancellationToken) => _control.AskAsync(askAsync, cancellationToken);

    /// <summary>
    /// Waits for something else while a transaction is open. The server ends a session whose transaction is idle for long, and what is waited
    /// for, such as a store that is away, may take longer.
    /// </summary>
    public async Task AwaitAsync(Task other, TimeSpan interval, CancellationToken cancellationToken)
    {
        while (true)
        {
            await other.WaitAsync(interval, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (other.IsCompleted)
            {
                await other;
                return;
            }

            await ExecuteAsync("select 1", cancellationToken);
        }
    }

    /// <summary>Notes that the session is over, when somebody else than Npgsql has noticed.</summary>
    public void GiveUp() => _isLost = true;

    /// <summary>Notes whether a transaction is open, when somebody else than Npgsql has opened or ended it.</summary>
    public void Adopt(bool isInTransaction) => _inTransaction = isInTransaction;

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
            _hasTriedToTerminate = true;
            await TerminateAsync();
        }

        _stopped = true;
    }

    /// <summary>Ends the backend from a second connection.</summary>
    /// <exception cref="JobFailedException">It cannot be reached, or does not end.</exception>
    public Task TerminateAsync() => _control.TerminateAsync();

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!_hasTriedToTerminate) // a cluster that could not be reached a moment ago is not waited for again
            {
                await StopAsync();
            }
        }
        catch (JobFailedException)
        {
            // How the job ended has been told; client_connection_check_interval ends the backend of a dead connection within a second.
        }
        finally
        {
            await UsedConnections.GiveBackAsync(Connection, isUsable: !_isLost);
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
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { command } };
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
            using var courtesy = new CancellationTokenSource(UsedConnections.Courtesy);
            await ExecuteAsync("rollback", courtesy.Token);
            return IsAlive;
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            return false;
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, Connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
