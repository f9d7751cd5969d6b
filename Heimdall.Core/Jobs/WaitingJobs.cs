using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Takes jobs out of the queue, which is the <c>job</c> table itself: a claim makes a job RUNNING, in the name of this
/// process, with the next attempt's number and a lease. What a claim costs does not grow with the number of jobs that
/// wait.
/// </summary>
public sealed class WaitingJobs(StoreDatabase database)
{
    /// <summary>More lanes than this are looked at in several rounds.</summary>
    public const int LanesAtOnce = 1000;

    // Jobs whose time has come get in line; then the lanes that have a job, one step of the index each; then whether a
    // worker has died.
    internal static readonly string LookSql = $"""
        with recursive due as (
            update job set retry_at = null
            where id in (
                select id from job where status = 'ACCEPTED' and retry_at <= now() order by retry_at limit 1000
                for no key update skip locked)
            returning "user", cluster_id, command_id),
        lane as (
            (select "user", cluster_id, command_id, retry_at is null as is_ready from job
            where status = 'ACCEPTED' and ("user", cluster_id, command_id) > ($1, $2, $3)
            order by "user", cluster_id, command_id, retry_at nulls first limit 1)
            union all
            select next.* from lane cross join lateral (
                select "user", cluster_id, command_id, retry_at is null as is_ready from job
                where status = 'ACCEPTED'
                    and ("user", cluster_id, command_id) > (lane."user", lane.cluster_id, lane.command_id)
                order by "user", cluster_id, command_id, retry_at nulls first limit 1) next),
        page as (select * from lane limit {LanesAtOnce})
        select 'lane', "user", cluster_id, command_id, is_ready from page
        union all select distinct 'due', "user", cluster_id, command_id, true from due
        union all select 'abandoned', '', '', '', true where exists (
            select from job
            where status in ('RUNNING', 'CANCELING') and not is_sync and {JobTransitions.LeaseIsOver("$4")})
        """;

    // Two claims that count the same limited jobs come one after the other: a claim counts what the one before it has
    // committed. The locks are taken by a statement of their own, because a statement sees only what was committed when
    // it began. All take them in one order. The numbers keep the locks apart from others of the store's server.
    private const string LockSql = """
        select pg_advisory_xact_lock(key) from (
            select hashtextextended(id, 6201) as key from cluster where id = any($1) and max_concurrency is not null
            union select hashtextextended(id, 6202) from command where id = any($2) and max_concurrency is not null
            order by key offset 0) keys
        """;

    /// <summary>Looks which lanes have jobs that may start, from the one after <paramref name="after"/> on.</summary>
    public async Task<LaneView> LookAsync(JobLane? after, TimeSpan lease, CancellationToken cancellationToken)
    {
        await using var command = Command(
            LookSql, after?.User ?? "", after?.ClusterId ?? "", after?.CommandId ?? "", lease);
        await using var connection = await database.Claims.OpenConnectionAsync(cancellationToken);
        await using var row = await ReadAsync(command, connection, cancellationToken);
        var ready = new List<JobLane>();
        var found = 0;
        JobLane? last = null;
        var isAbandoned = false;
        while (await row.ReadAsync(cancellationToken))
        {
            var lane = new JobLane(row.GetString(1), row.GetString(2), row.GetString(3));
            switch (row.GetString(0))
            {
                case "abandoned":
                    isAbandoned = true;
                    continue;
                case "lane":
                    (found, last) = (found + 1, lane);
                    break;
            }
            if (row.GetBoolean(4))
            {
                ready.Add(lane);
            }
        }
        return new LaneView(ready, found == LanesAtOnce ? last : null, isAbandoned);
    }

    /// <summary>Takes jobs out of lanes, which come in the order of their callers' turns.</summary>
    /// <param name="lanes">The lanes of one caller have one number and stand together.</param>
    /// <param name="most">How many jobs to take at most.</param>
    /// <param name="worker">In whose name.</param>
    /// <param name="lease">How long the worker is believed.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task<Claim> ClaimAsync(
        IReadOnlyList<(JobLane Lane, int Turn)> lanes,
        int most,
        string worker,
        TimeSpan lease,
        CancellationToken cancellationToken)
    {
        var callers = lanes.Select(lane => lane.Turn).Distinct().Count();
        await using var connection = await database.Claims.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(JobParameters.ToStatement(
            LockSql,
            lanes.Select(lane => lane.Lane.ClusterId).Distinct().ToArray(),
            lanes.Select(lane => lane.Lane.CommandId).Distinct().ToArray()));
        batch.BatchCommands.Add(JobParameters.ToStatement(
            JobTransitions.ClaimWaiting,
            lanes.Select(lane => lane.Lane.User).ToArray(),
            lanes.Select(lane => lane.Lane.ClusterId).ToArray(),
            lanes.Select(lane => lane.Lane.CommandId).ToArray(),
            lanes.Select(lane => lane.Turn).ToArray(),
            (most / callers) + 3, most, worker, lease)); // of each lane its caller's share, and some that others may be taking
        await batch.PrepareAsync(cancellationToken);
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        await row.NextResultAsync(cancellationToken);
        var jobs = new List<Job>();
        var seen = 0L;
        IReadOnlyList<JobLane> closed = [];
        while (await row.ReadAsync(cancellationToken))
        {
            seen = row.GetInt64(row.FieldCount - 2);
            closed = [.. row.GetFieldValue<int[]>(row.FieldCount - 1).Select(number => lanes[number - 1].Lane)];
            if (!row.IsDBNull(0))
            {
                jobs.Add(JobRow.Read(row));
            }
        }
        return new Claim(jobs, seen > jobs.Count, closed);
    }

    /// <summary>Takes over jobs whose runners have not renewed their leases, the longest dead first.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="clusters">Only jobs on these.</param>
    /// <param name="commands">Only jobs by these.</param>
    /// <param name="own">Jobs of this process: it must not take over what it runs itself.</param>
    /// <param name="worker">In whose name.</param>
    /// <param name="lease">How long the worker is believed.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task<IReadOnlyList<Job>> TakeOverAsync(
        int most,
        string[] clusters,
        string[] commands,
        Guid[] own,
        string worker,
        TimeSpan lease,
        CancellationToken cancellationToken)
    {
        await using var command = Command(JobTransitions.TakeOver, worker, lease, most, clusters, commands, own);
        await using var connection = await database.Claims.OpenConnectionAsync(cancellationToken);
        await using var row = await ReadAsync(command, connection, cancellationToken);
        var jobs = new List<Job>();
        while (await row.ReadAsync(cancellationToken))
        {
            jobs.Add(JobRow.Read(row));
        }
        return jobs;
    }

    /// <summary>Puts back a job that was claimed and has not begun.</summary>
    /// <param name="id">The job.</param>
    /// <param name="attempt">The attempt of the claim.</param>
    /// <param name="isTakeOver">Whether an earlier attempt may have taken effect.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task ReturnAsync(Guid id, int attempt, bool isTakeOver, CancellationToken cancellationToken)
    {
        await using var command = Command(JobTransitions.Return, id, attempt, isTakeOver);
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Prepared once a connection: its plans do not depend on how many jobs wait.</summary>
    private static async Task<NpgsqlDataReader> ReadAsync(
        NpgsqlCommand command, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        command.Connection = connection;
        await command.PrepareAsync(cancellationToken);
        return await command.ExecuteReaderAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
        return command;
    }
}

/// <summary>What is waiting.</summary>
/// <param name="Ready">Lanes with a job that may start.</param>
/// <param name="Continue">Where to go on; null when all lanes were looked at.</param>
/// <param name="IsAbandoned">Whether a runner has not renewed its lease.</param>
public sealed record LaneView(IReadOnlyList<JobLane> Ready, JobLane? Continue, bool IsAbandoned);

/// <summary>What a claim brought.</summary>
/// <param name="Jobs">The jobs.</param>
/// <param name="More">Whether the open lanes had others, or another process was taking them in that moment.</param>
/// <param name="Closed">Lanes whose cluster or command has no room or is paused.</param>
public sealed record Claim(IReadOnlyList<Job> Jobs, bool More, IReadOnlyList<JobLane> Closed);
