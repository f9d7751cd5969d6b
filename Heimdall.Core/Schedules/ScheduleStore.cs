using Heimdall.Core.Catalog;
using Heimdall.Core.Cron;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>The <c>schedule</c> table. Whoever changes a row, or decides what becomes of its occurrences, holds its lock.</summary>
public sealed class ScheduleStore(StoreDatabase database)
{
    private const string SelectSql = $"select {ScheduleRow.Columns} from schedule where id = $1 and removed_at is null";

    private const string SelectAllSql = $"select {ScheduleRow.Columns} from schedule where removed_at is null order by id";

    private const string SelectOwnSql =
        $"select {ScheduleRow.Columns} from schedule where removed_at is null and \"user\" = $1 order by id";

    // The time is that of the store, once it has the lock: what is due is decided by it, whatever the clock of the
    // process says.
    private const string LockSql = $"""
        with locked as materialized ({SelectSql} for update)
        select locked.*, clock_timestamp() from (values (1)) one (one) left join locked on true
        """;

    private const string InsertSql = $"""
        insert into schedule (id, name, description, cron, timezone, misfire, max_lateness, overlap, starts_at, ends_at, "user", context,
            decided_until, next_at, seed, version, tags, command_criteria, cluster_criteria, edited_by, scopes,
            fan_out, on_end, secrets)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23::jsonb, $24)
        on conflict (id) do nothing
        returning {ScheduleRow.Columns}
        """;

    private const string UpdateSql = $"""
        update schedule set name = $2, description = $3, cron = $4, timezone = $5, misfire = $6, max_lateness = $7, overlap = $8, starts_at = $9,
            ends_at = $10, "user" = $11, context = $12, decided_until = $13, next_at = $14, seed = $15, version = $16, tags = $17, command_criteria = $18,
            cluster_criteria = $19, edited_by = $20, scopes = $21, fan_out = $22, on_end = $23::jsonb, secrets = $24,
            revision = revision + 1, updated_at = now()
        where id = $1
        returning {ScheduleRow.Columns}
        """;

    private const string SetPauseSql = $"""
        update schedule set decided_until = $2, next_at = $3, paused_at = $4, paused_by = $5, pause_reason = $6, paused_until = $7,
            revision = revision + 1, updated_at = now()
        where id = $1
        returning {ScheduleRow.Columns}
        """;

    private const string AdvanceSql = "update schedule set decided_until = $2, next_at = $3 where id = $1";

    private const string DeleteSql = "delete from schedule where id = $1";

    private const string SeedsSql = "select id, seed, removed_at is not null from schedule";

    private const string TimesSql = "select id, cron, timezone, next_at from schedule where removed_at is null";

    // A process of an older version does not write which schedules its file has, so that nothing is taken out while
    // there is one.
    internal const string UnseededSql = $"""
        with alive as materialized (select file_schedules from worker where {LivingProcesses.MayLive})
        select id from schedule
        where seed is not null and removed_at is null and {LivingProcesses.AllHaveStarted}
            and not exists (select from alive where file_schedules is null or schedule.id = any (file_schedules))
        order by id
        """;

    internal const string SeededSql = $"""
        with alive as materialized (select file_schedules from worker where {LivingProcesses.IsAlive})
        select id from schedule
        where removed_at is not null and exists (select from alive where schedule.id = any (file_schedules))
        order by id
        """;

    private const string TakeOutSql = """
        with ended as (
            update schedule_run set outcome = 'SKIPPED', reason = 'Its schedule left the configuration file.', decided_at = $2
            where schedule = $1 and outcome = 'WAITING')
        update schedule set removed_at = $2, next_at = null where id = $1
        """;

    private const string BringBackSql = $"""
        update schedule set removed_at = null where id = $1 and removed_at is not null
        returning {ScheduleRow.Columns}, clock_timestamp()
        """;

    // Who makes a schedule makes a new one.
    private const string ForgetSql = "delete from schedule where id = $1 and removed_at is not null";

    private const string NowSql = "select clock_timestamp()";

    // The store's clock, read once: an index is searched for it.
    private const string Now = "(select clock_timestamp())";

    // In three seconds Hangfire has called.
    private const string LongDue = $"{Now} - interval '3 s'";

    // With its history, which has been trimmed.
    internal const string ForgetRemovedSql = $"""
        delete from schedule where id in (
            select id from schedule where removed_at < {Now} - $1 order by removed_at limit 10 for update skip locked)
        """;

    // Due for longer than Hangfire needs, out of a pause, or with a run that waits for nothing more or for a job that nobody has told to stop.
    // What the clock planned waits for the end of a pause, too.
    internal const string ForgottenSql = $"""
        (select id from schedule where removed_at is null and next_at < {LongDue} and id > $1 order by id limit $2)
        union
        (select id from schedule where removed_at is null and paused_until < {LongDue} and id > $1 order by id limit $2)
        union
        (select distinct run.schedule from {WhoseTurnItIs} and run.schedule > $1 order by run.schedule limit $2)
        order by 1 limit $2
        """;

    private const string WhoseTurnItIs = """
        schedule_run run join schedule on schedule.id = run.schedule
        where run.outcome = 'WAITING' and removed_at is null and (paused_at is null or run.triggered_by is not null) and (
            overlap = 'allow'
            or not exists (select from job where job.schedule = run.schedule and status in ('NEW', 'ACCEPTED', 'RUNNING', 'CANCELING'))
                and not exists (
                    select from job where job.schedule = run.schedule and status = 'WAITING_FOR_APPROVAL')
            or overlap = 'replace' and (
                exists (select from job where job.schedule = run.schedule and status in ('ACCEPTED', 'RUNNING'))
                or exists (
                    select from job where job.schedule = run.schedule and status = 'WAITING_FOR_APPROVAL')))
        """;

    /// <summary>A condition: there is something for <see cref="FindForgottenAsync"/>.</summary>
    internal const string HasForgotten = $"""
        coalesce(least(
            (select min(next_at) from schedule where removed_at is null),
            (select min(paused_until) from schedule where removed_at is null)) < {LongDue}, false)
        or exists (select from {WhoseTurnItIs})
        """;

    /// <summary>So many of them are found in one statement.</summary>
    internal const int ForgottenAtOnce = 1000;

    public async Task<Schedule?> FindAsync(string id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectSql);
        command.Parameters.Add(new() { Value = id });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>All schedules, by their ids.</summary>
    public async Task<IReadOnlyList<Schedule>> ListAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectAllSql);
        return await ReadAllAsync(command, cancellationToken);
    }

    /// <summary>Those of one user, by their ids.</summary>
    public async Task<IReadOnlyList<Schedule>> ListOwnAsync(string user, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectOwnSql);
        command.Parameters.Add(new() { Value = user });
        return await ReadAllAsync(command, cancellationToken);
    }

    private static async Task<IReadOnlyList<Schedule>> ReadAllAsync(
        NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var schedules = new List<Schedule>();
        while (await row.ReadAsync(cancellationToken))
        {
            schedules.Add(ScheduleRow.Read(row));
        }
        return schedules;
    }

    /// <summary>
    /// What each schedule was seeded with, and whether it has left the file; also of those made by PUT.
    /// </summary>
    internal async Task<IReadOnlyDictionary<string, (string? Seed, bool IsRemoved)>> FindSeedsAsync(
        CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SeedsSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var seeds = new Dictionary<string, (string?, bool)>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            seeds[row.GetString(0)] = (row.IsDBNull(1) ? null : row.GetString(1), row.GetBoolean(2));
        }
        return seeds;
    }

    /// <summary>When all schedules are due, and by what expressions.</summary>
    internal async Task<IReadOnlyList<ScheduleTimes>> ListTimesAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(TimesSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var times = new List<ScheduleTimes>();
        while (await row.ReadAsync(cancellationToken))
        {
            var (cron, day) = ScheduleRow.ReadCron(row.GetString(1));
            times.Add(new ScheduleTimes(
                row.GetString(0), cron, day, row.GetString(2), row.IsDBNull(3) ? null : row.GetDateTime(3)));
        }
        return times;
    }

    /// <summary>Those that somebody must look at because Hangfire's call was lost, or because nothing calls.</summary>
    /// <param name="after">They come by their ids, and this is where the last page ended; empty for the first.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    internal async Task<IReadOnlyList<string>> FindForgottenAsync(string after, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ForgottenSql);
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = ForgottenAtOnce });
        return await ReadIdsAsync(command, cancellationToken);
    }

    /// <summary>Keeps everybody else from the schedule until the transaction ends.</summary>
    internal static async Task<LockedSchedule> LockAsync(
        NpgsqlConnection connection, string id, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, LockSql, id);
        return (await ReadLockedAsync(command, cancellationToken))!;
    }

    /// <returns>Null when somebody else has just made one with this id.</returns>
    internal static async Task<Schedule?> InsertAsync(NpgsqlConnection connection, Schedule schedule, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, ForgetSql, schedule.Id);
        await command.ExecuteNonQueryAsync(cancellationToken);
        return await WriteAsync(connection, InsertSql, schedule, cancellationToken);
    }

    /// <summary>What the store's clock shows.</summary>
    internal static async Task<DateTime> ReadClockAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(NowSql, connection);
        return (DateTime)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Writes new schedules together. One that somebody else has just made is left as it is.</summary>
    internal static async Task InsertAllAsync(
        NpgsqlConnection connection, IEnumerable<Schedule> schedules, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var schedule in schedules)
        {
            batch.BatchCommands.Add(JobParameters.ToStatement(InsertSql, Values(schedule)));
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    internal static Task<Schedule?> UpdateAsync(NpgsqlConnection connection, Schedule schedule, CancellationToken cancellationToken) =>
        WriteAsync(connection, UpdateSql, schedule, cancellationToken);

    internal static async Task<Schedule> SetPauseAsync(NpgsqlConnection connection, Schedule schedule, CancellationToken cancellationToken)
    {
        await using var command = Command(
            connection, SetPauseSql, schedule.Id, schedule.DecidedUntil, new JobParameters.OrNull<DateTime?>(schedule.NextAt),
            new JobParameters.OrNull<DateTime?>(schedule.Pause?.At), new JobParameters.OrNull<string>(schedule.Pause?.By),
            new JobParameters.OrNull<string>(schedule.Pause?.Reason), new JobParameters.OrNull<DateTime?>(schedule.Pause?.Until));
        return (await ReadAsync(command, cancellationToken))!;
    }

    /// <summary>Records how far the occurrences are decided.</summary>
    internal static async Task AdvanceAsync(NpgsqlConnection connection, Schedule schedule, CancellationToken cancellationToken)
    {
        await using var command = Command(
            connection, AdvanceSql, schedule.Id, schedule.DecidedUntil, new JobParameters.OrNull<DateTime?>(schedule.NextAt));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    internal static async Task DeleteAsync(NpgsqlConnection connection, string id, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, DeleteSql, id);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>What came from a file and is in no living process's file any more.</summary>
    internal async Task<IReadOnlyList<string>> FindUnseededAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(UnseededSql);
        return await ReadIdsAsync(command, cancellationToken);
    }

    /// <summary>What was taken out although a living process's file has it.</summary>
    internal async Task<IReadOnlyList<string>> FindSeededAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SeededSql);
        return await ReadIdsAsync(command, cancellationToken);
    }

    /// <summary>
    /// Marks one as having left the file. It is not there any more, for anybody, but may come back with its pause and
    /// its history.
    /// </summary>
    internal static async Task TakeOutAsync(NpgsqlConnection connection, string id, DateTime now, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, TakeOutSql, id, now);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <returns>What had left the file and is there again; null where nothing had.</returns>
    internal static async Task<LockedSchedule?> BringBackAsync(
        NpgsqlConnection connection, string id, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, BringBackSql, id);
        return await ReadLockedAsync(command, cancellationToken);
    }

    /// <summary>Deletes what left the file longer ago, with its history.</summary>
    /// <returns>How many they were.</returns>
    internal async Task<long> ForgetRemovedAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        var all = 0L;
        int forgotten;
        do
        {
            await using var command = database.DataSource.CreateCommand(ForgetRemovedSql);
            command.Parameters.Add(new() { Value = age });
            forgotten = await command.ExecuteNonQueryAsync(cancellationToken);
            all += forgotten;
        }
        while (forgotten > 0);
        return all;
    }

    private static async Task<IReadOnlyList<string>> ReadIdsAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var ids = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            ids.Add(row.GetString(0));
        }
        return ids;
    }

    private static async Task<Schedule?> WriteAsync(
        NpgsqlConnection connection, string sql, Schedule schedule, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, sql, Values(schedule));
        return await ReadAsync(command, cancellationToken);
    }

    private static object[] Values(Schedule schedule)
    {
        var definition = schedule.Definition;
        return
        [
            definition.Id, definition.Name, definition.Description, ScheduleRow.CronOf(definition),
            definition.Timezone, definition.Misfire.ToName(), ScheduleRow.Lateness(definition.MaxLateness),
            definition.Overlap.ToName(), new JobParameters.OrNull<DateTime?>(definition.StartsAt),
            new JobParameters.OrNull<DateTime?>(definition.EndsAt), definition.User,
            new JobParameters.JsonText(definition.Context.ToJsonString()), schedule.DecidedUntil,
            new JobParameters.OrNull<DateTime?>(schedule.NextAt), new JobParameters.OrNull<string>(schedule.Seed),
            definition.Version, JobParameters.ToArray(definition.Tags),
            JobParameters.ToArray(definition.CommandCriteria), JobParameters.ToArray(definition.ClusterCriteria),
            new JobParameters.OrNull<string>(schedule.EditedBy),
            new JobParameters.JsonText(TagScope.Write(schedule.Scopes)),
            new JobParameters.JsonText(definition.FanOut?.ToJson()),
            new JobParameters.OrNull<string>(EndHook.Write(definition.OnEnd ?? [])),
            new JobParameters.OrNull<string>(schedule.SealedSecrets?.Text),
        ];
    }

    private static async Task<LockedSchedule?> ReadLockedAsync(
        NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new LockedSchedule(row.IsDBNull(0) ? null : ScheduleRow.Read(row), row.GetDateTime(row.FieldCount - 1))
            : null;
    }

    private static async Task<Schedule?> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? ScheduleRow.Read(row) : null;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
        return command;
    }
}

/// <summary>A schedule whose row is locked.</summary>
/// <param name="Schedule">Null when there is none.</param>
/// <param name="Now">What the store's clock shows, after any wait for the lock.</param>
internal sealed record LockedSchedule(Schedule? Schedule, DateTime Now);

/// <summary>What of a schedule Hangfire shows.</summary>
internal sealed record ScheduleTimes(string Id, string Cron, DayRule Day, string Timezone, DateTime? NextAt)
{
    public static ScheduleTimes Of(Schedule schedule) => new(
        schedule.Id, schedule.Definition.Cron, schedule.Definition.Day, schedule.Definition.Timezone, schedule.NextAt);
}
