using Hangfire;
using Hangfire.Common;
using Hangfire.PostgreSql;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue.Storage;
using Npgsql;
using Job = Heimdall.Core.Jobs.Job;

namespace Heimdall.Core.Queue;

/// <summary>
/// Hangfire's entries of our jobs, where they must follow the job's row although Hangfire has not run it: a job that
/// was cancelled while it waited, one whose worker died between the job's end and Hangfire's, one that is claimed in a
/// state from which Hangfire runs nothing.
/// </summary>
public sealed class QueueEntries(
    StoreDatabase database, JobStore jobs, JobStorage storage, IJobFilterProvider filters, JobQueue queue)
{
    private const string UnshownSql =
        $"select {JobRow.Columns} from job where id in (select job_id from queue_unshown limit 100)";

    private const string ShownSql = "delete from queue_unshown where job_id = $1";

    /// <summary>How long the store is waited for, to note what is not shown yet.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private const int LookedAtOnce = 1000;

    /// <summary>So many failed entries a round has expire, and leaves more of them to the next.</summary>
    private const int FailedAtOnce = 100_000;

    /// <summary>How long the entry of a failed job stays.</summary>
    private static readonly TimeSpan FailedRetention = TimeSpan.FromDays(7);

    /// <summary>Hangfire's worker tries for so long, and more, to show the end of a job.</summary>
    private static readonly TimeSpan LongestWrite = TimeSpan.FromMinutes(2);

    private static readonly string[] AllStates =
    [
        EnqueuedState.StateName, ScheduledState.StateName, ProcessingState.StateName, SucceededState.StateName,
        FailedState.StateName, DeletedState.StateName,
    ];

    private readonly string _leftOpenSql =
        $"select {JobRow.Columns} from job where {IsLeftOpen("$1", database.HangfireSchema)} limit 100";

    private readonly string _showLaterSql = $"""
        insert into queue_unshown
        select $1 where not exists (
            select from "{database.HangfireSchema}".job where id = $2::bigint and statename = $3)
        on conflict do nothing
        """;

    // An entry that is gone has been deleted because its time was over.
    private readonly string _findUntrueSql = UntrueSql(database.HangfireSchema);

    private readonly string _findFailedSql = FindFailedSql(database.HangfireSchema);

    private readonly string _expireFailedSql = ExpireFailedSql(database.HangfireSchema);

    /// <summary>A condition: there is something for <see cref="CloseLeftAsync"/>. $1 is a third of the grace.</summary>
    internal string HasLeft { get; } = $"""
        exists (select from queue_unshown)
        or exists (select from job where {IsLeftOpen("3 * $1", database.HangfireSchema)})
        """;

    /// <summary>Brings the entry of a claimed job into a state from which Hangfire runs it.</summary>
    /// <returns>The job, with the id of the entry.</returns>
    public async Task<Job> MakeReadyAsync(Job job, CancellationToken cancellationToken)
    {
        using var connection = storage.GetConnection();
        switch (connection.GetJobData(job.QueueId)?.State)
        {
            case null:
                var made = await queue.ReplaceEntryAsync(job.Id, job.QueueId!, cancellationToken)
                    ?? (await jobs.FindAsync(job.Id, cancellationToken))?.QueueId; // an earlier attempt was first
                return job with { QueueId = made ?? job.QueueId };
            case var state when state == EnqueuedState.StateName || state == ProcessingState.StateName:
                return job;
            case var state:
                Change(job.QueueId!, new EnqueuedState(RowQueue.Name), state);
                return job;
        }
    }

    /// <summary>
    /// Shows how a job ended that Hangfire has not run. Should it fail, <see cref="CloseLeftAsync"/> does it.
    /// </summary>
    public async Task TryCloseAsync(Guid jobId, CancellationToken cancellationToken)
    {
        try
        {
            if (await jobs.FindAsync(jobId, cancellationToken) is { QueueId: not null } job && job.Status.IsFinal())
            {
                await CloseAsync(job, cancellationToken);
            }
        }
        catch (Exception exception) when (IsPassing(exception))
        {
            // The next round finds it.
        }
    }

    /// <summary>
    /// Shows the ends that are not shown yet: of jobs that ended while they waited, and of those whose worker died just
    /// after the end.
    /// </summary>
    /// <param name="grace">How long a worker may take to show the end of a job.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task CloseLeftAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        await using var unshown = database.DataSource.CreateCommand(UnshownSql);
        await using var leftOpen = database.DataSource.CreateCommand(_leftOpenSql);
        leftOpen.Parameters.Add(new() { Value = grace });
        var left = await ReadAsync(unshown, cancellationToken);
        left.AddRange(await ReadAsync(leftOpen, cancellationToken));
        foreach (var job in left)
        {
            await TryCloseAsync(job.Id, cancellationToken);
        }
    }

    /// <summary>
    /// Finds ended jobs whose entries say something else, and has the next round of <see cref="CloseLeftAsync"/> show
    /// their ends. It looks at the jobs that have ended since the last time.
    /// </summary>
    /// <param name="after">The last job that was looked at; null: a new look, at those of the last minutes.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>The last job that was looked at.</returns>
    internal async Task<(DateTime At, Guid Id)?> FindUntrueAsync(
        (DateTime At, Guid Id)? after, CancellationToken cancellationToken)
    {
        while (true)
        {
            await using var command = database.DataSource.CreateCommand(_findUntrueSql);
            command.Parameters.Add(new NpgsqlParameter<DateTime?> { TypedValue = after?.At });
            command.Parameters.Add(new() { Value = after?.Id ?? Guid.Empty });
            command.Parameters.Add(new() { Value = LongestWrite });
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            if (!await row.ReadAsync(cancellationToken))
            {
                return after;
            }
            after = (row.GetDateTime(0), row.GetGuid(1));
            if (row.GetInt64(2) < LookedAtOnce)
            {
                return after;
            }
        }
    }

    /// <summary>
    /// Has Hangfire forget entries of jobs that failed. By itself it keeps them for ever; the history is Heimdall's
    /// own.
    /// </summary>
    internal async Task ExpireFailedAsync(CancellationToken cancellationToken)
    {
        foreach (var some in (await FindFailedAsync(cancellationToken)).Chunk(LookedAtOnce))
        {
            await using var command = database.DataSource.CreateCommand(_expireFailedSql);
            command.Parameters.Add(new() { Value = FailedRetention });
            command.Parameters.Add(new() { Value = some });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>They are found once, and not for each step: those that expire already are read too.</summary>
    private async Task<IReadOnlyList<long>> FindFailedAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(_findFailedSql);
        command.Parameters.Add(new() { Value = FailedAtOnce });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var failed = new List<long>();
        while (await row.ReadAsync(cancellationToken))
        {
            failed.Add(row.GetInt64(0));
        }
        return failed;
    }

    /// <summary>$1 and $2: the last job; $3: how long a worker may take to show an end.</summary>
    internal static string UntrueSql(string hangfireSchema) => $"""
        with looked as materialized (
            select id, updated_at, status, queue_id from job
            where finished_at is not null and (updated_at, id) > (coalesce($1, now() - interval '10 minutes'), $2)
                and updated_at < now() - $3
            order by updated_at, id limit 1000),
        untrue as (
            insert into queue_unshown
            select looked.id
            from looked cross join lateral (
                select statename from "{hangfireSchema}".job where id = looked.queue_id::bigint limit 1) entry
            where entry.statename <> case looked.status
                when 'SUCCEEDED' then '{SucceededState.StateName}' when 'CANCELED' then '{DeletedState.StateName}'
                else '{FailedState.StateName}' end
            on conflict do nothing)
        select updated_at, id, (select count(*) from looked) from looked order by updated_at desc, id desc limit 1
        """;

    /// <summary>$1: how many.</summary>
    internal static string FindFailedSql(string hangfireSchema) => $"""
        select id from "{hangfireSchema}".job where statename = '{FailedState.StateName}' and expireat is null limit $1
        """;

    /// <summary>$1: for how long they stay; $2: which.</summary>
    internal static string ExpireFailedSql(string hangfireSchema) => $"""
        update "{hangfireSchema}".job set expireat = now() + $1
        where id in (
            select id from "{hangfireSchema}".job
            where id = any ($2) and statename = '{FailedState.StateName}' and expireat is null
            order by id for update skip locked)
        """;

    /// <summary>
    /// Has the next round of <see cref="CloseLeftAsync"/> show how a job ended, unless its entry says so already.
    /// </summary>
    internal async Task ShowLaterAsync(Job ended)
    {
        using var limit = new CancellationTokenSource(LongestWait);
        try
        {
            await database.Retry.RunAsync(
                async token =>
                {
                    await using var command = database.DataSource.CreateCommand(_showLaterSql);
                    command.Parameters.Add(new() { Value = ended.Id });
                    command.Parameters.Add(new() { Value = ended.QueueId });
                    command.Parameters.Add(new() { Value = QueueStates.EndOf(ended).Name });
                    return await command.ExecuteNonQueryAsync(token);
                },
                limit.Token);
        }
        catch (OperationCanceledException)
        {
            // The store is down for long: the job's own page is right.
        }
    }

    /// <summary>
    /// Whether a change of an entry may succeed later: the store is down, or a process that died holds the entry's
    /// lock.
    /// </summary>
    internal static bool IsPassing(Exception exception) =>
        StoreRetry.IsAway(exception)
        || exception is DistributedLockTimeoutException or PostgreSqlDistributedLockException or EntryChangedException;

    // Each entry that is being processed names its job as its first argument; there are as many as jobs that run.
    private static string IsLeftOpen(string grace, string hangfireSchema) => $"""
        finished_at < now() - {grace} and id in (
            select case when argument ~ '^[0-9a-f-]{"{36}"}$' then argument::uuid end
            from "{hangfireSchema}".job entry, trim(both '"' from entry.arguments ->> 0) argument
            where entry.statename = 'Processing')
        """;

    private async Task CloseAsync(Job job, CancellationToken cancellationToken)
    {
        // Also from another end. Hangfire's worker gives up a change that failed again and again, and says Failed, and
        // the dashboard says Deleted of a job that was cancelled too late.
        var end = QueueStates.EndOf(job);
        Change(job.QueueId!, end, [.. AllStates.Where(state => state != end.Name)]);
        await using var command = database.DataSource.CreateCommand(ShownSql);
        command.Parameters.Add(new() { Value = job.Id });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<List<Job>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var found = new List<Job>();
        while (await row.ReadAsync(cancellationToken))
        {
            found.Add(JobRow.Read(row));
        }
        return found;
    }

    private void Change(string queueId, IState state, params string[] from)
    {
        using var connection = storage.GetConnection();
        new RepeatingStateChanger(filters).ChangeState(
            new StateChangeContext(storage, connection, queueId, state, from));
    }
}
