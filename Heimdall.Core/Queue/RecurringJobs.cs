using Hangfire;
using Hangfire.Client;
using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>
/// Hangfire's recurring jobs, one a schedule. They have a queue and a thread of their own in every worker: a schedule is not late because all
/// workers are busy, and can cancel what keeps them so.
/// </summary>
public sealed class RecurringJobs(
    StoreDatabase database, JobStorage storage, IJobFilterProvider filters, SteadyZones zones, StoreClock clock,
    DashboardUser user)
    : IRecurringJobManagerFactory
{
    internal const string QueueName = "schedules";

    /// <summary>Hangfire's set of them, by the time when each is due.</summary>
    internal const string AllKey = "recurring-jobs";

    private static readonly System.Reflection.MethodInfo Tick = typeof(IScheduleTicker).GetMethod(nameof(IScheduleTicker.TickAsync))!;
    private static readonly System.Reflection.MethodInfo Trigger = typeof(IScheduleTicker).GetMethod(nameof(IScheduleTicker.TriggerAsync))!;

    private readonly string _nextSql =
        $"""select score from "{database.HangfireSchema}".set where key = '{AllKey}' and value = $1""";

    private readonly string _allSql = $"""
        select known.value, known.score, max(field.value) filter (where field.field = 'Cron'), max(field.value) filter (where field.field = 'TimeZoneId')
        from "{database.HangfireSchema}".set known
            left join "{database.HangfireSchema}".hash field on field.key = 'recurring-job:' || known.value
        where known.key = '{AllKey}' group by known.value, known.score
        """;

    private readonly string _copySql = $"""
        with asked as materialized (
            select * from unnest($2, $3, $4, $5, $6) as asked (id, cron, timezone, next_execution, score)),
        fields as (
            insert into "{database.HangfireSchema}".hash (key, field, value)
            select 'recurring-job:' || asked.id, field, case field
                when 'Cron' then cron when 'TimeZoneId' then timezone when 'NextExecution' then next_execution
                else replace(value, $1, asked.id) end
            from "{database.HangfireSchema}".hash cross join asked where key = 'recurring-job:' || $1
            on conflict (key, field) do update set value = excluded.value)
        insert into "{database.HangfireSchema}".set (key, score, value)
        select '{AllKey}', score, id from asked
        on conflict (key, value) do update set score = excluded.score
        """;

    public async Task<IReadOnlyList<RecurringJob>> ListAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(_allSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var jobs = new List<RecurringJob>();
        while (await row.ReadAsync(cancellationToken))
        {
            jobs.Add(new RecurringJob(
                row.GetString(0), row.IsDBNull(2) ? "" : row.GetString(2), row.IsDBNull(3) ? "" : row.GetString(3),
                NextOf(row.GetDouble(1))));
        }
        return jobs;
    }

    /// <returns>When Hangfire calls next for a schedule; null for never.</returns>
    public async Task<DateTime?> FindNextAsync(string id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(_nextSql);
        command.Parameters.Add(new() { Value = id });
        return await command.ExecuteScalarAsync(cancellationToken) is double score ? NextOf(score) : null;
    }

    /// <summary>Adds or changes one. Must not be called within a transaction.</summary>
    /// <returns>Why it could not be done; null when it is done.</returns>
    public string? TrySet(RecurringJob job) => Try(() =>
    {
        Set(job);
        Announce();
    });

    /// <summary>
    /// Adds many. What Hangfire writes of one is copied, and all is the same but for what names the job.
    /// </summary>
    /// <returns>Why it could not be done; null when it is done.</returns>
    public string? TryAddAll(IReadOnlyList<RecurringJob> jobs) => Try(() =>
    {
        var pattern = new RecurringJob($"pattern-{Guid.NewGuid():N}", "0 0 1 1 *", "UTC", null);
        Set(pattern);
        try
        {
            using var command = database.DataSource.CreateCommand(_copySql);
            command.Parameters.Add(new() { Value = pattern.Id });
            command.Parameters.Add(new() { Value = jobs.Select(job => job.Id).ToArray() });
            command.Parameters.Add(new() { Value = jobs.Select(job => job.Cron).ToArray() });
            command.Parameters.Add(new() { Value = jobs.Select(job => job.Timezone).ToArray() });
            command.Parameters.Add(new() { Value = jobs.Select(job => NextExecution(job)).ToArray() });
            command.Parameters.Add(new() { Value = jobs.Select(job => Score(job)).ToArray() });
            command.ExecuteNonQuery();
            Announce();
        }
        finally
        {
            TryRemove(pattern.Id); // one that stays is no schedule's, and is removed with the next repair
        }
    });

    /// <returns>Why it could not be done; null when it is done.</returns>
    public string? TryRemove(string id) => Try(() => Manager(new BackgroundJobFactory(filters)).RemoveIfExists(id));

    /// <summary>Without it a worker finds the change by itself, some seconds later.</summary>
    private void Announce() => Try(() =>
    {
        using var command = database.DataSource.CreateCommand(DueChanges.AnnounceSql);
        command.ExecuteNonQuery();
    });

    private static DateTime? NextOf(double score) =>
        score < 0 ? null : DateTimeOffset.FromUnixTimeSeconds((long)score).UtcDateTime;

    private static string? Try(Action change)
    {
        try
        {
            change();
            return null;
        }
        catch (Exception exception)
        {
            // The store is away, a lock is taken, or one of these jobs has a time zone or an expression that Hangfire cannot read here.
            return exception.Message;
        }
    }

    private void Set(RecurringJob job)
    {
        // Relaxed: however many runs were missed, it calls once. What is to become of them is for the schedule to say.
        var options = new RecurringJobOptions
        {
            TimeZone = TimeZoneInfo.FindSystemTimeZoneById(job.Timezone),
            MisfireHandling = MisfireHandlingMode.Relaxed,
        };
        Manager(new BackgroundJobFactory(filters)).AddOrUpdate(job.Id, JobOf(Tick, job.Id), job.Cron, options);
        // Hangfire knows neither pauses nor first and last days, only when to call next.
        using var connection = storage.GetConnection();
        using var transaction = connection.CreateWriteTransaction();
        var key = $"recurring-job:{job.Id}";
        transaction.SetRangeInHash(key, [new("NextExecution", NextExecution(job))]);
        // Until there is a run, Hangfire computes the next one from this time, which is that of a process's clock. While
        // that is ahead of the store's, nothing is called for.
        var now = clock.Now;
        if (((JobStorageConnection)connection).GetValueFromHash(key, "CreatedAt") is { } made
            && JobHelper.DeserializeDateTime(made) > now)
        {
            transaction.SetRangeInHash(key, [new("CreatedAt", JobHelper.SerializeDateTime(now))]);
        }
        transaction.AddToSet(AllKey, job.Id, Score(job));
        transaction.Commit();
    }

    private static string NextExecution(RecurringJob job) =>
        job.NextAt is { } next ? JobHelper.SerializeDateTime(next) : "";

    private static double Score(RecurringJob job) => job.NextAt is { } next ? JobHelper.ToTimestamp(next) : -1;

    /// <summary>For the dashboard, whose users trigger a run where Hangfire's own clock only ticks.</summary>
    IRecurringJobManager IRecurringJobManagerFactory.GetManager(JobStorage on) =>
        new RecurringJobManager(on, new TriggeringFactory(filters, user), zones);

    private RecurringJobManager Manager(IBackgroundJobFactory factory) => new(storage, factory, zones);

    private static Job JobOf(System.Reflection.MethodInfo method, object id) =>
        new(typeof(IScheduleTicker), method, [id, CancellationToken.None], QueueName);

    private sealed class TriggeringFactory(IJobFilterProvider filters, DashboardUser user) : IBackgroundJobFactory
    {
        private readonly BackgroundJobFactory _factory = new(filters);

        public IStateMachine StateMachine => _factory.StateMachine;

        public BackgroundJob? Create(CreateContext context) => _factory.Create(
            context.Job.Method == Tick
                ? new CreateContext(
                    context.Storage, context.Connection, JobOf(Trigger, context.Job.Args[0]), context.InitialState,
                    new Dictionary<string, object?>(context.Parameters)
                    {
                        [DashboardUser.Parameter] = user.Name ?? DashboardUser.Unknown,
                    })
                : context);
    }
}
