using Heimdall.Core.Audit;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>What is paused: a cluster, a command, or the whole queue. Its jobs are taken in, and wait.</summary>
public sealed class Pauses(StoreDatabase database, AuditLog audit)
{
    private const string ListSql = """
        select scope, target, reason, until, paused_by, paused_at from pause
        where until is null or until > now() order by scope, target
        """;

    private const string PauseSql = """
        insert into pause (scope, target, reason, until, paused_by) values ($1, $2, $3, $4, $5)
        on conflict (scope, target) do update set reason = excluded.reason, until = excluded.until,
            paused_by = excluded.paused_by, paused_at = now()
        """;

    private const string ResumeSql = $"""
        with resumed as (delete from pause where scope = $1 and target = $2 returning 1)
        select pg_notify('{JobLane.Channel}', '') from resumed
        """;

    /// <summary>The pauses that hold now.</summary>
    public async Task<IReadOnlyList<QueuePause>> ListAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ListSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var pauses = new List<QueuePause>();
        while (await row.ReadAsync(cancellationToken))
        {
            pauses.Add(new QueuePause(
                new PauseTarget(row.GetString(0), row.GetString(1)), row.IsDBNull(2) ? null : row.GetString(2),
                row.IsDBNull(3) ? null : row.GetDateTime(3), row.GetString(4), row.GetDateTime(5)));
        }
        return pauses;
    }

    /// <summary>The pause of one target, if one holds now.</summary>
    public async Task<QueuePause?> FindAsync(PauseTarget target, CancellationToken cancellationToken) =>
        (await ListAsync(cancellationToken)).FirstOrDefault(pause => pause.Target == target);

    /// <summary>Pauses, or changes the pause that there is.</summary>
    /// <param name="target">What.</param>
    /// <param name="reason">Why, for who looks.</param>
    /// <param name="until">When it ends by itself; null: when somebody resumes it.</param>
    /// <param name="user">Who asks.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public Task PauseAsync(
        PauseTarget target, string? reason, DateTime? until, string user, CancellationToken cancellationToken)
    {
        var (why, end) = (new JobParameters.OrNull<string>(reason), new JobParameters.OrNull<DateTime?>(until));
        return ChangeAsync(PauseSql, [target.Scope, target.Id, why, end, user], cancellationToken);
    }

    /// <summary>Ends a pause, if there is one: workers look at once.</summary>
    public Task ResumeAsync(PauseTarget target, CancellationToken cancellationToken) =>
        ChangeAsync(ResumeSql, [target.Scope, target.Id], cancellationToken);

    private Task<int> ChangeAsync(string sql, object[] values, CancellationToken cancellationToken) =>
        audit.InTransactionAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(sql, connection);
                foreach (var value in values)
                {
                    command.Parameters.Add(JobParameters.Of(value));
                }
                return await command.ExecuteNonQueryAsync(cancellationToken);
            },
            _ => true,
            cancellationToken);
}

/// <summary>What can be paused.</summary>
public readonly record struct PauseTarget(string Scope, string Id)
{
    public static PauseTarget Queue { get; } = new("queue", "");

    public static PauseTarget Cluster(string id) => new("cluster", id);

    public static PauseTarget Command(string id) => new("command", id);

    /// <summary>As in a sentence: <c>cluster 'x'</c>.</summary>
    public override string ToString() => this == Queue ? "the queue" : $"{Scope} '{Id}'";
}

/// <summary>A pause.</summary>
/// <param name="Target">Of what.</param>
/// <param name="Reason">Why; null: nobody said.</param>
/// <param name="Until">When it ends by itself; null: when somebody resumes it.</param>
/// <param name="By">Who asked for it.</param>
/// <param name="At">When.</param>
public sealed record QueuePause(PauseTarget Target, string? Reason, DateTime? Until, string By, DateTime At);
