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

    /// <summary>Should this be lost, <see cref="RepairAsync"/> does the same.</summary>
    public void Show(Schedule schedule)
    {
        if (recurring.TrySet(ToRecurring(schedule)) is { } trouble)
        {
            LogPostponed(schedule.Id, trouble);
        }
    }

    /// <summary>
    /// The same where Hangfire has computed another next run by itself: it knows neither the changes of clocks to come,
    /// nor every rule of an expression.
    /// </summary>
    public async Task CorrectAsync(Schedule schedule, CancellationToken cancellationToken)
    {
        try
        {
            var wanted = ToRecurring(schedule);
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
        var wanted = (await schedules.ListAsync(cancellationToken)).ToDictionary(schedule => schedule.Id);
        var soon = Soon;
        foreach (var id in shown.Keys.Where(id => !wanted.ContainsKey(id)))
        {
            Remove(id);
        }
        foreach (var schedule in wanted.Values.Where(schedule => !IsRight(shown.GetValueOrDefault(schedule.Id), ToRecurring(schedule), soon)))
        {
            Show(schedule);
        }
    }

    private DateTime Soon => clock.GetUtcNow().UtcDateTime + Busy;

    private static bool IsRight(RecurringJob? shown, RecurringJob wanted, DateTime soon) =>
        shown is not null && shown with { NextAt = null } == wanted with { NextAt = null }
            && IsRight(shown.NextAt, wanted.NextAt, soon);

    private static bool IsRight(DateTime? shown, DateTime? wanted, DateTime soon) =>
        shown == wanted || (shown <= soon && wanted <= soon);

    /// <summary>An expression that cannot be read here is shown as it is.</summary>
    private static RecurringJob ToRecurring(Schedule schedule)
    {
        var definition = schedule.Definition;
        var cron = definition.FindTimesProblem() is null ? definition.Times().Text : definition.Cron;
        return new(schedule.Id, cron, definition.Timezone, schedule.NextAt is { } next ? WholeSecond(next) : null);
    }

    private static DateTime WholeSecond(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), DateTimeKind.Utc);

    [LoggerMessage(LogLevel.Warning, "Hangfire will hear later of a change of schedule {Schedule}: {Reason}")]
    private partial void LogPostponed(string schedule, string reason);
}
