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
    private static readonly string LookSql = $"""
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
            select from job where status in ('RUNNING', 'CANCELING') and not is_sync and {JobClaims.LeaseIsOver("$4")})
        """;

    // Of each lane the first few are read, in their order. Of each caller the first comes before the second of any
    // other; callers come in the order of their turns. Only what is taken is locked, and what another process is taking
    // is passed over: the next in line is taken instead.
    private const string ClaimSql = $"""
        with lane as (
            select * from unnest($1::text[], $2::text[], $3::text[], $4::int[])
                as lane ("user", cluster_id, command_id, turn)),
        candidate as materialized (
            select waiting.id, lane.turn,
                row_number() over (partition by lane.turn order by waiting.priority desc, waiting.id) as place
            from lane cross join lateral (
                select id, priority from job
                where "user" = lane."user" and cluster_id = lane.cluster_id and command_id = lane.command_id
                    and status = 'ACCEPTED' and retry_at is null and not {JobClaims.StartIsTooLate}
                order by retry_at nulls first, priority desc, id limit $5) waiting),
        chosen as materialized (
            select job.id from candidate join job on job.id = candidate.id
            where job.status = 'ACCEPTED' and job.retry_at is null
            order by candidate.place, candidate.turn limit $6
            for no key update of job skip locked),
        claimed as (
            update job set status = 'RUNNING', attempt = attempt + 1, worker = $7, lease_until = now() + $8,
                started_at = coalesce(started_at, now()), updated_at = now()
            where id in (select id from chosen)
            returning {JobRow.Columns}),
        recorded as (insert into job_attempt (job_id, attempt, worker) select id, attempt, $7 from claimed)
        select claimed.*, seen from (select count(*) as seen from candidate) candidates left join claimed on true
        """;

    private static readonly string TakeOverSql = $"""
        with abandoned as materialized (
            select id from job
            where status in ('RUNNING', 'CANCELING') and not is_sync and {JobClaims.LeaseIsOver("$2")}
                and cluster_id = any($4) and command_id = any($5) and id <> all($6)
            order by lease_until limit $3 for no key update skip locked),
        claimed as (
            update job set attempt = attempt + 1, worker = $1, lease_until = now() + $2, updated_at = now()
            where id in (select id from abandoned)
            returning {JobRow.Columns}),
        ended as (
            update job_attempt set finished_at = now(), outcome = '{JobAttempt.Lost}', detail = '{JobClaims.LostDetail}'
            from claimed
            where job_attempt.job_id = claimed.id and job_attempt.attempt = claimed.attempt - 1 and outcome is null),
        recorded as (insert into job_attempt (job_id, attempt, worker) select id, attempt, $1 from claimed)
        select * from claimed
        """;

    // Of a job that was taken over an earlier attempt may have taken effect: it does not wait, but can be taken over at
    // once.
    private const string ReturnSql = $"""
        with returned as (
            update job set status = case when status = 'RUNNING' and not $3 then 'ACCEPTED' else status end,
                lease_until = case when status = 'RUNNING' and not $3 then null else now() end,
                started_at = case when attempt = 1 then null else started_at end, worker = null, updated_at = now()
            where id = $1 and attempt = $2 and status in ('RUNNING', 'CANCELING')
            returning id)
        update job_attempt set finished_at = now(), outcome = '{JobAttempt.HandedBack}', detail = 'It had not begun.'
        where job_id = (select id from returned) and attempt = $2
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
    /// <returns>The jobs, and whether there were others, which another process was taking in that moment.</returns>
    public async Task<(IReadOnlyList<Job> Jobs, bool More)> ClaimAsync(
        IReadOnlyList<(JobLane Lane, int Turn)> lanes,
        int most,
        string worker,
        TimeSpan lease,
        CancellationToken cancellationToken)
    {
        await using var command = Command(
            ClaimSql,
            lanes.Select(lane => lane.Lane.User).ToArray(),
            lanes.Select(lane => lane.Lane.ClusterId).ToArray(),
            lanes.Select(lane => lane.Lane.CommandId).ToArray(),
            lanes.Select(lane => lane.Turn).ToArray(),
            (2 * most) + 8, most, worker, lease);
        await using var connection = await database.Claims.OpenConnectionAsync(cancellationToken);
        await using var row = await ReadAsync(command, connection, cancellationToken);
        var jobs = new List<Job>();
        var seen = 0L;
        while (await row.ReadAsync(cancellationToken))
        {
            seen = row.GetInt64(row.FieldCount - 1);
            if (!row.IsDBNull(0))
            {
                jobs.Add(JobRow.Read(row));
            }
        }
        return (jobs, seen > jobs.Count);
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
        await using var command = Command(TakeOverSql, worker, lease, most, clusters, commands, own);
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
        await using var command = Command(ReturnSql, id, attempt, isTakeOver);
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
