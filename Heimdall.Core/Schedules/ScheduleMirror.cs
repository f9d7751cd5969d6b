using Heimdall.Core.Queue;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>Has Hangfire call for each schedule at its next occurrence, and show no other.</summary>
public sealed partial class ScheduleMirror(ScheduleStore schedules, RecurringJobs recurring, TimeProvider clock, ILogger<ScheduleMirror> logger)
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
        var soon = clock.GetUtcNow().UtcDateTime + Busy;
        foreach (var id in shown.Keys.Where(id => !wanted.ContainsKey(id)))
        {
            Remove(id);
        }
        foreach (var schedule in wanted.Values.Where(schedule => !IsRight(shown.GetValueOrDefault(schedule.Id), ToRecurring(schedule), soon)))
        {
            Show(schedule);
        }
    }

    private static bool IsRight(RecurringJob? shown, RecurringJob wanted, DateTime soon) =>
        shown is not null && shown with { NextAt = null } == wanted with { NextAt = null }
            && (shown.NextAt == wanted.NextAt || (shown.NextAt <= soon && wanted.NextAt <= soon));

    private static RecurringJob ToRecurring(Schedule schedule) =>
        new(schedule.Id, schedule.Definition.Cron, schedule.Definition.Timezone, schedule.NextAt is { } next ? WholeSecond(next) : null);

    private static DateTime WholeSecond(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), DateTimeKind.Utc);

    [LoggerMessage(LogLevel.Warning, "Hangfire will hear later of a change of schedule {Schedule}: {Reason}")]
    private partial void LogPostponed(string schedule, string reason);
}
