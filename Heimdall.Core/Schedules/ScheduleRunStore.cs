using System.Diagnostics;
using System.Text;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>The <c>schedule_run</c> table: the history of schedules, and what waits for its turn.</summary>
public sealed class ScheduleRunStore(StoreDatabase database)
{
    private const string Columns = "run.id, run.schedule, run.planned_at, run.outcome, run.reason, run.job_id, run.triggered_by, run.decided_at";

    private const string JobColumns = "job.status, job.started_at, job.finished_at, job.error";

    private const string LastSql = $"""
        select {Columns}, {JobColumns} from schedule cross join lateral (
            select * from schedule_run where schedule_run.schedule = schedule.id order by planned_at desc, id desc limit 1) run
        left join job on job.id = run.job_id
        where schedule.removed_at is null
        """;

    private const string LastNotRefusedByHandSql = $"""
        select {Columns}, {JobColumns} from unnest($1) wanted (id) cross join lateral (
            select * from schedule_run
            where schedule_run.schedule = wanted.id and not (outcome = 'REFUSED' and triggered_by is not null)
            order by planned_at desc, id desc limit 1) run
        left join job on job.id = run.job_id
        """;

    private const string RecentSql = $"""
        select {Columns}, {JobColumns} from unnest($1) wanted (id) cross join lateral (
            select * from schedule_run where schedule_run.schedule = wanted.id
            order by planned_at desc, id desc limit $2) run
        left join job on job.id = run.job_id
        order by run.planned_at desc, run.id desc
        """;

    private const string WaitingSql = $"select {Columns} from schedule_run run where schedule = $1 and outcome = 'WAITING' order by planned_at, id";

    private const string FindSql = $"select {Columns}, {JobColumns} from schedule_run run left join job on job.id = run.job_id where run.id = $1";

    private const string OpenJobsSql = """
        select id, status from job
        where schedule = $1 and status in ('NEW', 'ACCEPTED', 'RUNNING', 'CANCELING') and parent_id is null
        union all
        select id, status from job
        where schedule = $1 and status = 'WAITING_FOR_APPROVAL' and parent_id is null
        order by id
        """;

    // By the clock one occurrence has one record; that of a waiting one is decided later.
    private const string WriteSql = """
        insert into schedule_run (id, schedule, planned_at, outcome, reason, job_id, triggered_by, decided_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (id) do update set outcome = excluded.outcome, reason = excluded.reason, job_id = excluded.job_id, decided_at = excluded.decided_at
        """;

    private const int TrimmedAtOnce = 1000;

    /// <summary>Each may step over ten thousand runs.</summary>
    private const int SchedulesAtOnce = 100;

    // Each schedule steps over the runs that stay, once, in the order of an index.
    internal const string TrimSql = """
        with page as materialized (select id from schedule where id > $2 order by id limit $3),
        old as materialized (
            select old.id, page.id as schedule
            from page
                cross join lateral (
                    select planned_at from schedule_run where schedule = page.id
                    order by planned_at desc, id desc offset $1 limit 1) cut
                cross join lateral (
                    select id from schedule_run
                    where schedule = page.id and planned_at < cut.planned_at and outcome <> 'WAITING'
                    order by planned_at limit $4 for update skip locked) old
            limit $4),
        trimmed as (delete from schedule_run where id in (select id from old))
        select (select max(id) from page), (select count(*) from old)
        """;

    // Runs that wait are decided one day, whatever their age.
    internal const string ForgetSql = """
        delete from schedule_run where id in (
            select id from schedule_run where planned_at < now() - $1 and outcome <> 'WAITING'
            order by planned_at limit $2 for update skip locked)
        """;

    /// <summary>A page of the runs of a schedule, the newest first.</summary>
    /// <param name="schedule">Its id.</param>
    /// <param name="outcomes">Those of them; empty: all.</param>
    /// <param name="after">Where the last page ended; null for the first.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async Task<RunPage> ListAsync(
        string schedule, IReadOnlyList<RunOutcome> outcomes, RunCursor? after, int limit, CancellationToken cancellationToken)
    {
        var sql = new StringBuilder($"select {Columns}, {JobColumns} from schedule_run run left join job on job.id = run.job_id where run.schedule = $1");
        await using var command = database.DataSource.CreateCommand();
        command.Parameters.Add(new() { Value = schedule });
        command.Parameters.Add(new() { Value = limit + 1 });
        if (outcomes.Count > 0)
        {
            command.Parameters.Add(new() { Value = outcomes.Select(outcome => outcome.ToName()).ToArray() });
            sql.Append(" and run.outcome = any ($3)");
        }
        if (after is not null)
        {
            command.Parameters.Add(new() { Value = after.PlannedAt });
            command.Parameters.Add(new() { Value = after.Id });
            sql.Append(null, $" and (run.planned_at, run.id) < (${command.Parameters.Count - 1}, ${command.Parameters.Count})");
        }
        command.CommandText = sql.Append(" order by run.planned_at desc, run.id desc limit $2").ToString();
        var runs = await ReadAsync(command, withJob: true, cancellationToken);
        if (runs.Count <= limit)
        {
            return new RunPage(runs, null);
        }
        runs.RemoveAt(limit);
        return new RunPage(runs, new RunCursor(runs[^1].PlannedAt, runs[^1].Id));
    }

    /// <summary>The last run of each schedule that has any, by the schedule's id.</summary>
    public async Task<IReadOnlyDictionary<string, ScheduleRun>> LastAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(LastSql);
        return (await ReadAsync(command, withJob: true, cancellationToken)).ToDictionary(run => run.Schedule);
    }

    /// <summary>The same of some schedules, without the runs that somebody asked for and that were refused.</summary>
    public async Task<IReadOnlyDictionary<string, ScheduleRun>> LastNotRefusedByHandAsync(
        IReadOnlyCollection<string> schedules, CancellationToken cancellationToken)
    {
        if (schedules.Count == 0)
        {
            return new Dictionary<string, ScheduleRun>();
        }
        await using var command = database.DataSource.CreateCommand(LastNotRefusedByHandSql);
        command.Parameters.Add(new() { Value = schedules.ToArray() });
        return (await ReadAsync(command, withJob: true, cancellationToken)).ToDictionary(run => run.Schedule);
    }

    /// <summary>The last runs of some schedules, the newest first.</summary>
    /// <param name="schedules">Their ids.</param>
    /// <param name="each">How many of each at most.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async Task<ILookup<string, ScheduleRun>> RecentAsync(
        IReadOnlyList<string> schedules, int each, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(RecentSql);
        command.Parameters.Add(new() { Value = schedules.ToArray() });
        command.Parameters.Add(new() { Value = each });
        return (await ReadAsync(command, withJob: true, cancellationToken)).ToLookup(run => run.Schedule);
    }

    /// <summary>Forgets the oldest runs of each schedule.</summary>
    /// <param name="kept">How many stay.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    internal async Task<long> TrimAsync(int kept, CancellationToken cancellationToken)
    {
        var after = "";
        var trimmed = 0L;
        while (true)
        {
            var begun = Stopwatch.GetTimestamp();
            if (await TrimSomeAsync(kept, after, cancellationToken) is not var (last, some))
            {
                return trimmed;
            }
            trimmed += some;
            after = some == TrimmedAtOnce ? after : last; // else these have more of them
            await Task.Delay(Stopwatch.GetElapsedTime(begun), cancellationToken); // it works half of the time
        }
    }

    /// <summary>
    /// One step. Its reader ends here and only here: Npgsql gives a reader that was disposed to the next statement on
    /// the connection, and a second disposal would end that one's.
    /// </summary>
    /// <returns>The last schedule that was looked at, and how many runs were deleted; null at the end.</returns>
    private async Task<(string Last, long Deleted)?> TrimSomeAsync(
        int kept, string after, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(TrimSql);
        foreach (var value in (object[])[kept, after, SchedulesAtOnce, TrimmedAtOnce])
        {
            command.Parameters.Add(new() { Value = value });
        }
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return row.IsDBNull(0) ? null : (row.GetString(0), row.GetInt64(1));
    }

    /// <summary>Forgets runs that were planned long ago.</summary>
    /// <param name="age">How long.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>How many they were.</returns>
    internal async Task<long> ForgetAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        var forgotten = 0L;
        int some;
        do
        {
            var begun = Stopwatch.GetTimestamp();
            await using var command = database.DataSource.CreateCommand(ForgetSql);
            command.Parameters.Add(new() { Value = age });
            command.Parameters.Add(new() { Value = TrimmedAtOnce });
            some = await command.ExecuteNonQueryAsync(cancellationToken);
            forgotten += some;
            if (some == TrimmedAtOnce)
            {
                await Task.Delay(Stopwatch.GetElapsedTime(begun), cancellationToken); // it works half of the time
            }
        }
        while (some == TrimmedAtOnce);
        return forgotten;
    }

    /// <summary>The runs of a schedule that wait, in the order of their times.</summary>
    internal static async Task<IReadOnlyList<ScheduleRun>> FindWaitingAsync(NpgsqlConnection connection, string schedule, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(WaitingSql, connection) { Parameters = { new() { Value = schedule } } };
        return await ReadAsync(command, withJob: false, cancellationToken);
    }

    internal static async Task<ScheduleRun?> FindAsync(NpgsqlConnection connection, Guid id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(FindSql, connection) { Parameters = { new() { Value = id } } };
        return (await ReadAsync(command, withJob: true, cancellationToken)).SingleOrDefault();
    }

    /// <summary>The jobs of a schedule that have not ended.</summary>
    internal static async Task<IReadOnlyList<(Guid Id, JobStatus Status)>> FindOpenJobsAsync(
        NpgsqlConnection connection, string schedule, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(OpenJobsSql, connection) { Parameters = { new() { Value = schedule } } };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var jobs = new List<(Guid, JobStatus)>();
        while (await row.ReadAsync(cancellationToken))
        {
            jobs.Add((row.GetGuid(0), JobStatusNames.Parse(row.GetString(1))));
        }
        return jobs;
    }

    internal static async Task WriteAsync(NpgsqlConnection connection, IReadOnlyList<ScheduleRun> runs, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var run in runs)
        {
            batch.BatchCommands.Add(JobParameters.ToStatement(
                WriteSql, run.Id, run.Schedule, run.PlannedAt, run.Outcome.ToName(), new JobParameters.OrNull<string>(run.Reason),
                new JobParameters.OrNull<Guid?>(run.JobId), new JobParameters.OrNull<string>(run.TriggeredBy), run.DecidedAt));
        }
        if (runs.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static async Task<List<ScheduleRun>> ReadAsync(NpgsqlCommand command, bool withJob, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var runs = new List<ScheduleRun>();
        while (await row.ReadAsync(cancellationToken))
        {
            runs.Add(new ScheduleRun
            {
                Id = row.GetGuid(0),
                Schedule = row.GetString(1),
                PlannedAt = row.GetDateTime(2),
                Outcome = ScheduleNames.ReadOutcome(row.GetString(3)),
                Reason = row.IsDBNull(4) ? null : row.GetString(4),
                JobId = row.IsDBNull(5) ? null : row.GetGuid(5),
                TriggeredBy = row.IsDBNull(6) ? null : row.GetString(6),
                DecidedAt = row.GetDateTime(7),
                Job = !withJob || row.IsDBNull(8) ? null : new RunJob(
                    JobStatusNames.Parse(row.GetString(8)), row.IsDBNull(9) ? null : row.GetDateTime(9), row.IsDBNull(10) ? null : row.GetDateTime(10),
                    row.IsDBNull(11) ? null : row.GetString(11)),
            });
        }
        return runs;
    }
}
