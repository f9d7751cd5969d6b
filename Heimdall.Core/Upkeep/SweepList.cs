using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Schedules;

namespace Heimdall.Core.Upkeep;

/// <summary>All that is done for all processes, and how often.</summary>
internal sealed class SweepList(
    JobClaims claims,
    UnstartedJobs unstarted,
    FanOutUpkeep fanOuts,
    QueueEntries entries,
    ResultSweep results,
    ScheduleUpkeep schedules,
    RemovedSchedules removed,
    ScheduleMirror mirror,
    HistoryRetention retention,
    LivingProcesses processes,
    CatalogUpkeep catalog,
    SettingWatch settings,
    VacuumSettings vacuum,
    HookDelivery messages,
    HookStates states,
    UpkeepMetrics metrics,
    HeimdallConfig config)
{
    private static readonly TimeSpan OftenEnough = TimeSpan.FromSeconds(2);

    /// <summary>In the order in which they are begun.</summary>
    public IReadOnlyList<Sweep> Sweeps { get; } =
    [
        // At once: an announcement wakes the keeper.
        new("predecessors", TimeSpan.Zero, unstarted.ResolveAsync)
        {
            Condition = JobTransitions.HasEndedPredecessor,
        },
        new("fan-outs", TimeSpan.Zero, fanOuts.AdvanceAsync)
        {
            Condition = FanOuts.HasNews,
        },
        new("schedules", OftenEnough, schedules.FireForgottenAsync)
        {
            Condition = ScheduleStore.HasForgotten,
        },
        new("dead inline queries", config.Worker.Lease, claims.AnnounceDeadInlineAsync)
        {
            Condition = JobClaims.HasDeadInline,
        },
        new("late jobs", config.Worker.Lease, unstarted.ExpireAsync)
        {
            Condition = JobTransitions.HasLate,
        },
        new("unapproved jobs", OftenEnough, unstarted.ExpireApprovalsAsync)
        {
            Condition = JobTransitions.HasUnapproved,
        },
        new("ends not shown", config.Worker.Lease, token => entries.CloseLeftAsync(3 * config.Worker.Lease, token))
        {
            Condition = entries.HasLeft,
        },
        new("results", config.Worker.Lease, async token =>
            metrics.Deleted("job_result", await results.DropAsync(token)))
        {
            Condition = ResultSweep.HasDue,
        },
        new("untrue entries", TimeSpan.FromMinutes(1), new UntrueEntries(entries).FindAsync),
        new("states for hooks", TimeSpan.FromSeconds(15), states.LookAsync),
        new("messages to hooks", TimeSpan.FromMinutes(1), messages.GiveUpLeftAsync),
        new("recurring jobs", TimeSpan.FromSeconds(10), mirror.RepairAsync),
        new("commands and clusters", TimeSpan.FromMinutes(1), async token =>
        {
            var (commands, clusters) = await catalog.MarkAsync(token);
            metrics.Deleted("command", commands);
            metrics.Deleted("cluster", clusters);
        }),
        new("schedules of files", TimeSpan.FromMinutes(1), removed.FollowFilesAsync),
        new("settings", TimeSpan.FromMinutes(1), settings.LookAsync),
        new("retention", TimeSpan.FromMinutes(1), retention.DeleteAsync),
        new("dead processes", TimeSpan.FromMinutes(10), processes.ForgetDeadAsync),
        // It reads all entries of the last days that failed.
        new("failed entries", TimeSpan.FromHours(1), entries.ExpireFailedAsync),
        new("schedule history", TimeSpan.FromHours(1), async token =>
        {
            metrics.Deleted("schedule_run", await schedules.TrimAsync(token));
            metrics.Deleted("schedule", await schedules.ForgetAsync(token));
        }),
        new("vacuum settings", TimeSpan.FromHours(1), vacuum.SetAsync),
    ];

    /// <summary>Remembers up to where the jobs were looked at.</summary>
    private sealed class UntrueEntries(QueueEntries entries)
    {
        private (DateTime At, Guid Id)? _last;

        public async Task FindAsync(CancellationToken cancellationToken) =>
            _last = await entries.FindUntrueAsync(_last, cancellationToken);
    }
}
