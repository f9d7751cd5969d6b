using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Submission;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>
/// Makes jobs of occurrences. What is due is read in the schedule's row, under its lock, and decided in the transaction that writes the jobs:
/// however many workers are called, and whenever one of them dies, each occurrence is decided once.
/// </summary>
public sealed partial class ScheduleFirer(
    JobQueue queue,
    JobSubmitter submitter,
    JobContents contents,
    JobCanceller canceller,
    ScheduleMirror mirror,
    JobMetrics jobs,
    ScheduleMetrics metrics,
    ILogger<ScheduleFirer> logger)
{
    /// <summary>Who cancels a job that is replaced.</summary>
    public const string Canceller = "schedule";

    /// <summary>A schedule whose occurrences cannot be told here is left to other machines for so long; then one is refused, and that is seen.</summary>
    private static readonly TimeSpan LeftToOthers = TimeSpan.FromMinutes(1);

    /// <summary>Decides what is due, and fires what has waited for its turn.</summary>
    /// <returns>Why this machine cannot tell what is due; null when it can.</returns>
    public async Task<string?> FireDueAsync(string id, CancellationToken cancellationToken)
    {
        Firing? firing;
        do
        {
            firing = await FireAsync(id, request: null, cancellationToken);
        }
        while (firing is { HasMore: true });
        return firing is { Schedule: { Pause: null, Definition: var definition } } ? definition.FindTimesProblem() : null;
    }

    /// <summary>A run now, paused or not, beside those of the clock. The rule for overlaps holds for it too.</summary>
    /// <returns>What became of it; null when there is no such schedule.</returns>
    public async Task<RequestedRun?> TriggerAsync(string id, RunRequest request, CancellationToken cancellationToken) =>
        (await FireAsync(id, request, cancellationToken))?.Requested;

    private async Task<Firing?> FireAsync(string id, RunRequest? request, CancellationToken cancellationToken)
    {
        var firing = await queue.InTransactionAsync(
            async connection => await ScheduleStore.LockAsync(connection, id, cancellationToken) is
            { Schedule: { } schedule, Now: var now }
                ? await DecideAsync(connection, schedule, now, request, LeftToOthers, cancellationToken)
                : null,
            cancellationToken);
        if (firing is not null)
        {
            await FollowUpAsync(firing, cancellationToken);
            if (!firing.MirrorIsOld)
            {
                await mirror.CorrectAsync(firing.Schedule, cancellationToken);
            }
        }
        return firing;
    }

    /// <summary>Decides what is due of a schedule whose lock is held, before it is changed, within the transaction of the change.</summary>
    /// <returns>What was decided; unless there is more, the change can be made. For <see cref="FollowUpAsync"/>.</returns>
    internal Task<Firing> SettleAsync(
        NpgsqlConnection connection, Schedule schedule, DateTime now, CancellationToken cancellationToken) =>
        DecideAsync(connection, schedule, now, request: null, leftToOthers: TimeSpan.Zero, cancellationToken);

    /// <summary>Once the transaction has been committed.</summary>
    internal async Task FollowUpAsync(Firing firing, CancellationToken cancellationToken)
    {
        Log(firing.Schedule.Id, firing.Plan);
        jobs.Submitted(firing.Plan.Jobs);
        if (firing.MirrorIsOld)
        {
            mirror.Show(firing.Schedule);
        }
        try
        {
            foreach (var job in firing.InTheWay)
            {
                await canceller.CancelAsync(job, Canceller, cancellationToken);
            }
        }
        catch (Exception exception) when (StoreRetry.IsAway(exception))
        {
            LogCancelledLater(firing.Schedule.Id, exception.Message); // the keeper finds the run that waits
        }
    }

    private async Task<Firing> DecideAsync(
        NpgsqlConnection connection, Schedule was, DateTime now, RunRequest? request, TimeSpan leftToOthers,
        CancellationToken cancellationToken)
    {
        // By a rule that is not known here nothing is decided, except what a change of the schedule would lose.
        var isLeftToNewer = was.Definition.UnknownRule is not null && leftToOthers > TimeSpan.Zero;
        var (schedule, passed) = isLeftToNewer ? (was, []) : ScheduleChanges.ResumeIfOver(was, now);
        var plan = await RunPlan.StartAsync(
            schedule, await ScheduleRunStore.FindWaitingAsync(connection, was.Id, cancellationToken),
            await ScheduleRunStore.FindOpenJobsAsync(connection, was.Id, cancellationToken), submitter,
            contents, now, cancellationToken);
        await plan.AddDueAsync(passed, cancellationToken);
        var hasMore = false;
        if (schedule.Definition.FindTimesProblem() is { } problem)
        {
            schedule = isLeftToNewer ? schedule : RefuseUntold(schedule, plan, problem, now - leftToOthers);
        }
        else if (schedule.Pause is null)
        {
            var due = DueOccurrences.Of(schedule, now);
            await plan.AddDueAsync(due.Occurrences, cancellationToken);
            schedule = (schedule with { DecidedUntil = due.DecidedUntil }).WithNext();
            hasMore = due.HasMore;
        }
        var requested = request is null ? null : await RequestAsync(connection, plan, was.Id, request, cancellationToken);
        if (schedule.Pause != was.Pause)
        {
            await ScheduleStore.SetPauseAsync(connection, schedule, cancellationToken);
        }
        else if (schedule.DecidedUntil != was.DecidedUntil)
        {
            await ScheduleStore.AdvanceAsync(connection, schedule, cancellationToken);
        }
        await ScheduleRunStore.WriteAsync(connection, plan.Decided, cancellationToken);
        if (plan.Jobs.Count > 0)
        {
            await queue.AddAsync(connection, plan.Jobs, cancellationToken);
        }
        // Hangfire goes by the expression alone: it has set a next run where there is none.
        var mirrorIsOld = schedule.Pause != was.Pause || (schedule.NextAt is null && (was.NextAt is not null || requested is not null));
        return new Firing(now, schedule, plan, requested, hasMore, mirrorIsOld);
    }

    private static async Task<RequestedRun> RequestAsync(
        NpgsqlConnection connection, RunPlan plan, string id, RunRequest request, CancellationToken cancellationToken)
    {
        var runId = request.ToRunId(id);
        return request.Key is not null && await ScheduleRunStore.FindAsync(connection, runId, cancellationToken) is { } before
            ? new RequestedRun(plan.Decided.FirstOrDefault(run => run.Id == runId) ?? before, IsNew: false) // its turn may have come just now
            : new RequestedRun(await plan.AddTriggeredAsync(runId, request.User, cancellationToken), IsNew: true);
    }

    /// <summary>Of occurrences that cannot be told, the next that was known is refused; where they can be told again, those after it count.</summary>
    private static Schedule RefuseUntold(Schedule schedule, RunPlan plan, string problem, DateTime dueUntil)
    {
        if (schedule.Pause is not null || schedule.NextAt is not { } next || next <= schedule.DecidedUntil || next > dueUntil)
        {
            return schedule;
        }
        plan.Refuse(next, $"When it is due is not known: {problem}");
        return schedule with { DecidedUntil = next };
    }

    private void Log(string id, RunPlan plan)
    {
        foreach (var fault in plan.Faults)
        {
            LogFault(fault, id);
        }
        foreach (var run in plan.Decided)
        {
            metrics.Decided(run);
            switch (run.Outcome)
            {
                case RunOutcome.Fired:
                    LogFired(id, run.JobId!.Value, run.PlannedAt);
                    break;
                case RunOutcome.Refused:
                    LogRefused(id, run.PlannedAt, run.Reason!);
                    break;
                case RunOutcome.Skipped:
                    LogSkipped(id, run.PlannedAt, run.Reason!);
                    break;
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Schedule {Schedule} fired job {JobId}, planned at {PlannedAt:O}")]
    private partial void LogFired(string schedule, Guid jobId, DateTime plannedAt);

    [LoggerMessage(LogLevel.Warning, "Schedule {Schedule} has no job for {PlannedAt:O}: {Reason}")]
    private partial void LogRefused(string schedule, DateTime plannedAt, string reason);

    [LoggerMessage(LogLevel.Error, "A job of schedule {Schedule} could not be prepared")]
    private partial void LogFault(Exception exception, string schedule);

    [LoggerMessage(LogLevel.Warning, "The job that a run of schedule {Schedule} replaces is cancelled later: {Reason}")]
    private partial void LogCancelledLater(string schedule, string reason);

    [LoggerMessage(LogLevel.Information, "Schedule {Schedule} skips {PlannedAt:O}: {Reason}")]
    private partial void LogSkipped(string schedule, DateTime plannedAt, string reason);
}

/// <summary>What was decided in one transaction.</summary>
/// <param name="At">
/// The moment that it was decided for. A change of the schedule in the same transaction is made for it too.
/// </param>
/// <param name="Schedule">As it is now.</param>
/// <param name="Plan">What becomes of its runs.</param>
/// <param name="Requested">The run that somebody has asked for.</param>
/// <param name="HasMore">More is due.</param>
/// <param name="MirrorIsOld">Hangfire has to hear of the schedule.</param>
internal sealed record Firing(DateTime At, Schedule Schedule, RunPlan Plan, RequestedRun? Requested, bool HasMore, bool MirrorIsOld)
{
    /// <summary>Jobs to be cancelled.</summary>
    public IReadOnlyList<Guid> InTheWay { get; init; } = Plan.InTheWay;
}
