using System.Runtime.CompilerServices;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Wire;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>A pooled connection while a query speaks on it, and the way to stop the query.</summary>
internal sealed class QuerySession : IAsyncDisposable
{
    // Which server process is behind a connection is asked once in the connection's life.
    private static readonly ConditionalWeakTable<object, SessionTraits> Known = [];

    private const int MostTries = 3;

    // Windows servers cannot look after a client while a statement runs, and those before version 14 do not know how.
    private static readonly string WhoAreYou =
        $"""
        select pg_backend_pid(),
            (select (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_get_activity(pg_backend_pid())),
            current_setting('client_connection_check_interval', true) is not null and version() ~ 'linux|apple|darwin|bsd',
            (select bool_and(current_setting(name) = value)
                from (values {string.Join(", ", SessionSettings.OfAllQueries.Select(setting => $"('{setting.Key}', '{setting.Value}')"))}) as wanted (name, value))
        """;

    private QuerySession(ClusterPool pool, NpgsqlConnection connection, Stream stream, SessionTraits traits)
    {
        Pool = pool;
        Connection = connection;
        Stream = stream;
        Control = new BackendControl(pool, connection.Host!, connection.Port, traits.Backend);
        ChecksClient = traits.ChecksClient;
        HasSettingsOfQueries = traits.HasSettingsOfQueries;
    }

    public ClusterPool Pool { get; }

    public NpgsqlConnection Connection { get; }

    /// <summary>To the server, which waits for a command.</summary>
    public Stream Stream { get; }

    public BackendControl Control { get; }

    /// <summary>Whether the server can be asked to notice, during a statement, that its client is gone.</summary>
    public bool ChecksClient { get; }

    /// <summary>Whether it has <see cref="SessionSettings.OfAllQueries"/> from its start, and so after each wipe too: a pooler in between may not pass them on.</summary>
    public bool HasSettingsOfQueries { get; }

    /// <summary>What the session is left as; it is wiped when it is given back, unless it is clean already.</summary>
    public SessionCondition Condition { get; set; } = SessionCondition.Idle;

    /// <exception cref="JobFailedException">The cluster cannot be used.</exception>
    public static async Task<QuerySession> OpenAsync(ClusterPool pool, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            NpgsqlConnection connection;
            try
            {
                connection = await pool.OpenAsync(cancellationToken);
            }
            catch (Exception e) when (PostgresErrors.IsConnectFault(e))
            {
                throw new JobFailedException(PostgresErrors.CannotConnect(e) with { IsUndone = true }, e);
            }

            try
            {
                var stream = await OpenedStream.TakeAsync(connection, cancellationToken);
                return new QuerySession(pool, connection, stream, await TraitsOfAsync(connection, cancellationToken));
            }
            catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
            {
                await UsedConnections.GiveBackAsync(connection, isUsable: false);
                if (e is not NpgsqlException)
                {
                    throw;
                }

                // It died in the pool, as all that the server had when it was restarted; nothing has been asked of it yet.
                NpgsqlConnection.ClearPool(connection);
                if (tries == MostTries)
                {
                    throw new JobFailedException(PostgresErrors.ToFailure(e, ErrorPlace.None), e);
                }
            }
        }
    }

    /// <summary>Makes sure, where the session may be at anything, that nothing of the job runs any more.</summary>
    /// <exception cref="JobFailedException">It cannot be made sure: the cluster does not answer.</exception>
    public Task StopAsync() => Condition == SessionCondition.Lost ? Control.TerminateAsync() : Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (Condition == SessionCondition.Clean)
        {
            await Connection.DisposeAsync();
            return;
        }

        await UsedConnections.GiveBackAsync(Connection, Condition != SessionCondition.Lost, Condition == SessionCondition.InTransaction);
    }

    private static async Task<SessionTraits> TraitsOfAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var identity = OpenedStream.IdentityOf(connection);
        if (Known.TryGetValue(identity, out var known))
        {
            return known;
        }

        await using var command = new NpgsqlCommand(WhoAreYou, connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        var traits = new SessionTraits(new Backend(row.GetInt32(0), row.GetInt64(1)), row.GetBoolean(2), row.GetBoolean(3));
        Known.AddOrUpdate(identity, traits);
        return traits;
    }

    private sealed record SessionTraits(Backend Backend, bool ChecksClient, bool HasSettingsOfQueries);
}

/// <summary>What a job has left of its session.</summary>
internal enum SessionCondition
{
    /// <summary>It waits for a command, and settings or locks of the job may be left in it.</summary>
    Idle,

    /// <summary>The same, and a transaction is open.</summary>
    InTransaction,

    /// <summary>Nothing of the job is left in it.</summary>
    Clean,

    /// <summary>It is over, or nobody knows what it is at.</summary>
    Lost,
}
