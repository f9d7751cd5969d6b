using Heimdall.Core.Plugins;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What pg_stat_activity says of a job's session, and of those that it waits for.</summary>
internal static class BackendActivity
{
    // A login that is not a superuser sees the whole of its own sessions, and of others the pid and the user.
    private const string Question =
        """
        with mine as (
            select pid, state, wait_event_type, wait_event, xact_start, query_start, pg_blocking_pids(pid) as blockers
            from pg_stat_activity
            where pid <> pg_backend_pid()
              and (application_name = $1
                or pid = $2 and (extract(epoch from backend_start) * 1000000)::bigint = $3
                    and ($4 is null or (extract(epoch from xact_start) * 1000000)::bigint = $4))
            order by state = 'idle', query_start desc nulls last
            limit 1)
        select mine.pid, mine.state, concat_ws(': ', mine.wait_event_type, mine.wait_event),
            mine.xact_start, mine.query_start,
            blocker.pid, other.usename::text, other.application_name, other.state, other.xact_start
        from mine
        left join lateral (select distinct unnest(mine.blockers) as pid) blocker on true
        left join pg_stat_activity other on other.pid = blocker.pid and blocker.pid <> 0
        order by blocker.pid
        """;

    public static async Task<SessionActivity?> FindAsync(
        NpgsqlConnection control, string applicationName, Backend? backend, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Question, control)
        {
            Parameters =
            {
                new() { Value = applicationName },
                new() { Value = backend?.Pid ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                new() { Value = backend?.Started ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
                new()
                {
                    Value = backend?.TransactionStarted ?? (object)DBNull.Value,
                    NpgsqlDbType = NpgsqlDbType.Bigint,
                },
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        SessionActivity? mine = null;
        var blockers = new List<BlockingSession>();
        while (await row.ReadAsync(cancellationToken))
        {
            mine ??= new SessionActivity
            {
                Pid = row.GetInt32(0),
                State = Text(row, 1),
                WaitEvent = Text(row, 2) is { Length: > 0 } waited && !IsOfClient(waited) ? waited : null,
                TransactionStartedAt = Time(row, 3),
                StatementStartedAt = Time(row, 4),
                BlockedBy = blockers,
            };
            if (!row.IsDBNull(5))
            {
                blockers.Add(ReadBlocker(row));
            }
        }
        return mine;
    }

    private static BlockingSession ReadBlocker(NpgsqlDataReader row) => new()
    {
        Pid = row.GetInt32(5),
        User = Text(row, 6),
        Application = Text(row, 7) is { Length: > 0 } application ? application : null,
        State = Text(row, 8),
        TransactionStartedAt = Time(row, 9),
        JobId = SessionSettings.FindJobId(Text(row, 7)),
    };

    /// <summary>
    /// Between two statements a session waits for what its client sends next, which is no waiting to be told of.
    /// </summary>
    private static bool IsOfClient(string waitEvent) => waitEvent == "Client: ClientRead";

    private static string? Text(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTime? Time(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetDateTime(column);
}
