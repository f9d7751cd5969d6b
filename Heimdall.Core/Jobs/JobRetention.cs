using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Deletes jobs whose time is over, with their attempts, logs, results and Hangfire's entries of them. Each step looks
/// at a bounded number of ended jobs, the oldest first, and waits for nobody's lock.
/// </summary>
internal sealed class JobRetention(StoreDatabase database)
{
    // A deletion that a crash undoes is made again: nobody waits for the flush to disk. However many jobs a step looks
    // at, each is found by its key.
    internal const string SettingsSql = """
        select set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),
            set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
            set_config('jit', 'off', true)
        """;

    private readonly string _stepSql = StepSql(database.HangfireSchema);

    private readonly string _stepOfCommandSql = StepOfCommandSql(database.HangfireSchema);

    /// <summary>
    /// Deletes some jobs of one status that ended long ago. One stays longer that another one waits for, whose result
    /// is still kept, or whose idempotency key is still known. A child goes with its parent, which stays for as long as
    /// one of its children has to.
    /// </summary>
    /// <param name="status">Of the jobs.</param>
    /// <param name="command">
    /// The command that says how long they are kept; null: the jobs of all commands that do not.
    /// </param>
    /// <param name="kept">How long they are kept.</param>
    /// <param name="after">Where the last step ended.</param>
    /// <param name="most">
    /// How many jobs are looked at, and deleted, with the children of parents; the first parent goes however many it
    /// has.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task<RetentionStep> DeleteAsync(
        JobStatus status, string? command, TimeSpan kept, RetentionPosition after, int most,
        CancellationToken cancellationToken)
    {
        var step = new NpgsqlBatchCommand(command is null ? _stepSql : _stepOfCommandSql)
        {
            Parameters =
            {
                new() { Value = status.ToName() },
                new() { Value = after.CreatedAt },
                new() { Value = after.Id },
                new() { Value = kept },
                new() { Value = most },
            },
        };
        if (command is not null)
        {
            step.Parameters.Add(new() { Value = command });
        }
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { new(SettingsSql), step },
        };
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        await row.NextResultAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        var position = row.IsDBNull(2) ? after : new RetentionPosition(row.GetDateTime(2), row.GetGuid(3));
        RetentionPosition? left = row.IsDBNull(4) ? null : new(row.GetDateTime(4), row.GetGuid(5));
        return new RetentionStep(row.GetInt64(0), row.GetInt64(1), position, left, row.GetBoolean(6));
    }

    /// <summary>
    /// The statement of a step through the jobs whose commands do not say how long they are kept. A key is written in
    /// the transaction of its jobs, so that their times are the same.
    /// </summary>
    internal static string StepSql(string hangfireSchema) => StepSql(
        hangfireSchema, "status = $1",
        "not coalesce(jsonb_exists(command.retention, $1), false)", "$4");

    /// <summary>The same through the jobs of a command that does; $6 is its id.</summary>
    internal static string StepOfCommandSql(string hangfireSchema) => StepSql(
        hangfireSchema, "command_id = $6",
        "job.status = $1 and command.retention ->> $1 is not null",
        "(command.retention ->> $1)::float8 * interval '1 second'");

    /// <param name="hangfireSchema">Where the entries are.</param>
    /// <param name="looked">Which jobs are looked at, by an index with their times.</param>
    /// <param name="covered">Which of them the step is about.</param>
    /// <param name="kept">How long these are kept.</param>
    private static string StepSql(string hangfireSchema, string looked, string covered, string kept) => $"""
        with looked as materialized (
            select id, created_at from job
            where {looked} and finished_at is not null and (created_at, id) > ($2, $3) and created_at < now() - $4
            order by created_at, id limit $5),
        covered as materialized (
            select job.id, job.created_at, job.finished_at < now() - {kept} as is_over,
                coalesce((fan_out ->> 'total')::int, 0) as children
            from looked
                cross join lateral (
                    select id, command_id, status, created_at, finished_at, parent_id, fan_out from job
                    where id = looked.id limit 1) job
                left join command on command.id = job.command_id
            where {covered}
                and (job.parent_id is null or not exists (select from job parent where parent.id = job.parent_id))),
        candidate as materialized (
            select id, created_at, children from covered job
            where is_over
                and not exists (select from job_predecessor where predecessor_id = job.id and ended_as is null)
                and not exists (select from job_result where job_id = job.id and not dropped)
                and not exists (
                    select from idempotency_key where created_at = job.created_at and job.id = any(job_ids))
                and not exists (
                    select from job child where child.parent_id = job.id and (
                        exists (select from job_predecessor where predecessor_id = child.id and ended_as is null)
                        or exists (select from job_result where job_id = child.id and not dropped)))),
        sized as materialized (
            select id, created_at, sum(1 + children) over (order by created_at, id) as jobs,
                row_number() over (order by created_at, id) as place
            from candidate),
        chosen as materialized (select id from sized where jobs <= $5 or place = 1),
        beyond as materialized (
            select created_at, id from sized where jobs > $5 and place > 1 order by created_at, id limit 1),
        done as materialized (
            select looked.* from looked left join beyond on true
            where beyond.id is null or (looked.created_at, looked.id) < (beyond.created_at, beyond.id)),
        alone as materialized (
            select job.* from chosen cross join lateral (
                select id, queue_id from job where id = chosen.id limit 1 for update skip locked) job),
        expired as materialized (
            select id, queue_id from alone
            union all
            select child.* from alone cross join lateral (
                select id, queue_id from job where parent_id = alone.id order by id for update skip locked) child),
        entry as materialized (
            select id from "{hangfireSchema}".job where id in (select queue_id::bigint from expired)
            for update skip locked),
        gone as (delete from "{hangfireSchema}".job where id in (select id from entry)),
        deleted as (delete from job where id in (select id from expired) returning id)
        select (select count(*) from looked), (select count(*) from deleted), last.created_at, last.id,
            stays.created_at, stays.id, exists (select from beyond)
        from (select) one
            left join (select created_at, id from done order by created_at desc, id desc limit 1) last on true
            left join (
                select created_at, id from covered
                where id in (select id from done) and id not in (select id from deleted)
                order by created_at, id limit 1) stays on true
        """;
}

/// <summary>Up to which job retention has looked, by when jobs were created.</summary>
internal readonly record struct RetentionPosition(DateTime CreatedAt, Guid Id)
{
    public static RetentionPosition Start { get; } = new(DateTime.UnixEpoch, Guid.Empty);

    /// <summary>A position from which this one is looked at again: the store counts microseconds.</summary>
    public RetentionPosition Before => this with { CreatedAt = CreatedAt.AddMicroseconds(-1) };
}

/// <param name="Looked">How many jobs were looked at.</param>
/// <param name="Deleted">How many of them were deleted.</param>
/// <param name="Position">The last of them that is done with.</param>
/// <param name="Left">The first of them that stays for now; null: none does.</param>
/// <param name="IsCut">Whether it ended before the last of them, because parents have many children.</param>
internal sealed record RetentionStep(
    long Looked, long Deleted, RetentionPosition Position, RetentionPosition? Left, bool IsCut);
