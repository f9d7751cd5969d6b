using Heimdall.Core.Cron;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>Has Hangfire call for each schedule at its next occurrence, and show no other.</summary>
public sealed partial class ScheduleMirror(
    ScheduleStore schedules, RecurringJobs recurring, StoreClock clock, ILogger<ScheduleMirror> logger)
{
    /// <summary>Around the time of an occurrence one of the two is a little ahead of the other.</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(10);

    /// <summary>From so many on they are added together: one alone takes dozens of statements.</summary>
    private const int Many = 20;

    private const int AddedAtOnce = 1000;

    /// <summary>Should this be lost, <see cref="RepairAsync"/> does the same.</summary>
    public void Show(Schedule schedule) => Show(ToRecurring(ScheduleTimes.Of(schedule)));

    /// <summary>
    /// The same where Hangfire has computed another next run by itself: it knows neither the changes of clocks to come,
    /// nor every rule of an expression.
    /// </summary>
    public async Task CorrectAsync(Schedule schedule, CancellationToken cancellationToken)
    {
        try
        {
            var wanted = ToRecurring(ScheduleTimes.Of(schedule));
            if (!IsRight(await recurring.FindNextAsync(schedule.Id, cancellationToken), wanted.NextAt, Soon))
            {
                Show(schedule);
            }
        }
        catch (Exception exception) when (StoreRetry.IsAway(exception))
        {
            LogPostponed(schedule.Id, exception.Message);
        }
    }

    /// <summary>Should this be lost, <see cref="RepairAsync"/> does the same.</summary>
    public void Remove(string id)
    {
        if (recurring.TryRemove(id) is { } trouble)
        {
            LogPostponed(id, trouble);
        }
    }

    /// <summary>Brings Hangfire's list into line with the store, whoever has changed what.</summary>
    public async Task RepairAsync(CancellationToken cancellationToken)
    {
        // In this order: of a schedule that is made in between nothing is removed.
        var shown = (await recurring.ListAsync(cancellationToken)).ToDictionary(job => job.Id);
        var wanted = (await schedules.ListTimesAsync(cancellationToken)).ToDictionary(times => times.Id, ToRecurring);
        var soon = Soon;
        foreach (var id in shown.Keys.Where(id => !wanted.ContainsKey(id)))
        {
            Remove(id);
        }
        var wrong = wanted.Values.Where(job => !IsRight(shown.GetValueOrDefault(job.Id), job, soon)).ToArray();
        var many = wrong.Length < Many
            ? []
            : wrong.Where(job => !shown.ContainsKey(job.Id) && IsReadable(job)).ToArray();
        foreach (var some in many.Chunk(AddedAtOnce))
        {
            if (recurring.TryAddAll(some) is { } trouble)
            {
                LogPostponed(some[0].Id, trouble);
            }
        }
        foreach (var job in wrong.Except(many))
        {
            Show(job);
        }
    }

    private DateTime Soon => clock.GetUtcNow().UtcDateTime + Busy;

    private static bool IsRight(RecurringJob? shown, RecurringJob wanted, DateTime soon) =>
        shown is not null && shown with { NextAt = null } == wanted with { NextAt = null }
            && IsRight(shown.NextAt, wanted.NextAt, soon);

    private static bool IsRight(DateTime? shown, DateTime? wanted, DateTime soon) =>
        shown == wanted || (shown <= soon && wanted <= soon);

    private void Show(RecurringJob job)
    {
        if (recurring.TrySet(job) is { } trouble)
        {
            LogPostponed(job.Id, trouble);
        }
    }

    /// <summary>Whether Hangfire can read it, which it checks of one that is set alone.</summary>
    private static bool IsReadable(RecurringJob job) =>
        CronTimes.FindZoneProblem(job.Timezone) is null && CronTimes.FindProblem(job.Cron) is null;

    /// <summary>An expression that cannot be read here is shown as it is.</summary>
    private static RecurringJob ToRecurring(ScheduleTimes times)
    {
        var (id, cron, day, timezone, nextAt) = times;
        var isReadable = CronTimes.FindZoneProblem(timezone) is null && CronTimes.FindProblem(cron, id, day) is null;
        return new(
            id, isReadable ? new CronTimes(cron, timezone, id, day).Text : cron, timezone,
            nextAt is { } next ? WholeSecond(next) : null);
    }

    private static DateTime WholeSecond(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), DateTimeKind.Utc);

    [LoggerMessage(LogLevel.Warning, "Hangfire will hear later of a change of schedule {Schedule}: {Reason}")]
    private partial void LogPostponed(string schedule, string reason);
}
