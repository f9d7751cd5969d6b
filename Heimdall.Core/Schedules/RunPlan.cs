using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Core.Schedules;

/// <summary>What becomes of the runs of one schedule at one moment, by its rule for overlaps.</summary>
internal sealed class RunPlan
{
    /// <summary>So many runs wait for their turn; more are skipped.</summary>
    public const int MostWaiting = 100;

    private const string Replaced = "Replaced by a later run before it was fired.";

    private readonly Schedule _schedule;
    private readonly IReadOnlyList<(Guid Id, JobStatus Status)> _open;
    private readonly JobSubmitter _submitter;
    private readonly JobContents _contents;
    private readonly DateTime _now;
    private readonly List<ScheduleRun> _waiting = [];
    private readonly List<ScheduleRun> _held = [];
    private readonly Dictionary<Guid, ScheduleRun> _decided = [];
    private readonly List<Job> _jobs = [];
    private readonly List<Exception> _faults = [];

    private RunPlan(
        Schedule schedule, IReadOnlyList<(Guid Id, JobStatus Status)> open, JobSubmitter submitter,
        JobContents contents, DateTime now) =>
        (_schedule, _open, _submitter, _contents, _now) = (schedule, open, submitter, contents, now);

    /// <param name="schedule">Whose lock is held.</param>
    /// <param name="waiting">
    /// Its runs that wait, the oldest first: those whose turn it is are fired. While it is paused, what the clock planned goes on waiting, and
    /// stands in nobody's way.
    /// </param>
    /// <param name="open">Its jobs that have not ended.</param>
    /// <param name="submitter">Routes the jobs.</param>
    /// <param name="contents">Records with the jobs that somebody has to approve what they are to run.</param>
    /// <param name="now">The moment.</param>
    /// <param name="cancellationToken">Ends the reading of scripts.</param>
    public static async Task<RunPlan> StartAsync(
        Schedule schedule, IReadOnlyList<ScheduleRun> waiting, IReadOnlyList<(Guid Id, JobStatus Status)> open,
        JobSubmitter submitter, JobContents contents, DateTime now, CancellationToken cancellationToken)
    {
        var plan = new RunPlan(schedule, open, submitter, contents, now);
        await plan.AddWaitingAsync(waiting, cancellationToken);
        return plan;
    }

    private async Task AddWaitingAsync(IReadOnlyList<ScheduleRun> waiting, CancellationToken cancellationToken)
    {
        foreach (var run in waiting)
        {
            if (Definition.UnknownRule is not null)
            {
                _held.Add(run); // only a newer version knows whether its turn has come
            }
            else if (_now - run.PlannedAt > Definition.MaxLateness && run.TriggeredBy is null)
            {
                Decide(run, RunOutcome.Skipped, "Its turn came later than max_lateness.");
            }
            else if (_schedule.Pause is not null && run.TriggeredBy is null)
            {
                _held.Add(run);
            }
            else if (Definition.Overlap == OverlapRule.Allow || !IsBusy)
            {
                await FireAsync(run, cancellationToken);
            }
            else
            {
                _waiting.Add(run);
            }
        }
    }

    /// <summary>To be written.</summary>
    public IReadOnlyList<ScheduleRun> Decided => [.. _decided.Values];

    /// <summary>To be recorded and queued.</summary>
    public IReadOnlyList<Job> Jobs => _jobs;

    /// <summary>Why runs were refused, where neither their schedule nor the catalog is to blame. To be logged.</summary>
    public IReadOnlyList<Exception> Faults => _faults;

    /// <summary>Jobs that stand in the way of a run that replaces them.</summary>
    public IReadOnlyList<Guid> InTheWay => Definition.Overlap == OverlapRule.Replace && _waiting.Count > 0
        ? [.. _open.Where(job => job.Status != JobStatus.Canceling).Select(job => job.Id)]
        : [];

    private ScheduleDefinition Definition => _schedule.Definition;

    private bool IsBusy => _open.Count > 0 || _jobs.Count > 0;

    public async Task AddDueAsync(IReadOnlyList<DueOccurrence> occurrences, CancellationToken cancellationToken)
    {
        for (var i = 0; i < occurrences.Count; i++)
        {
            var run = ToRun(occurrences[i].PlannedAt, triggeredBy: null);
            if (occurrences[i].Missed is { } why)
            {
                Decide(run, RunOutcome.Skipped, why);
            }
            else if (Definition.Overlap == OverlapRule.Replace && i < occurrences.Count - 1)
            {
                Decide(run, RunOutcome.Skipped, Replaced);
            }
            else
            {
                await AddAsync(run, cancellationToken);
            }
        }
    }

    /// <summary>There can be no run at a time that was planned.</summary>
    public void Refuse(DateTime plannedAt, string reason) => Decide(ToRun(plannedAt, triggeredBy: null), RunOutcome.Refused, reason);

    /// <param name="id">Of the run. One that is skipped or refused at once has an id of its own: what was not done may be asked for again.</param>
    /// <param name="user">Who asks.</param>
    /// <param name="cancellationToken">Ends the reading of its script.</param>
    /// <returns>The run that somebody has asked for.</returns>
    public async Task<ScheduleRun> AddTriggeredAsync(Guid id, string user, CancellationToken cancellationToken)
    {
        var run = ToRun(_now, user) with { Id = id };
        await AddAsync(run, cancellationToken);
        if (_decided[id].Outcome is RunOutcome.Skipped or RunOutcome.Refused && _decided.Remove(id, out var undone))
        {
            undone = undone with { Id = Guid.CreateVersion7() };
            return _decided[undone.Id] = undone;
        }
        if (Definition.Overlap == OverlapRule.Replace)
        {
            Replace(_held); // after the pause they would stop the later run
        }
        return _decided[id];
    }

    private async Task AddAsync(ScheduleRun run, CancellationToken cancellationToken)
    {
        if (Definition.UnknownRule is { } rule)
        {
            Decide(
                run, RunOutcome.Skipped,
                $"Its rule '{rule}' is of a newer version of Heimdall. Ask a process of that version.");
            return;
        }
        switch (Definition.Overlap)
        {
            case OverlapRule.Allow:
            case var _ when !IsBusy && _waiting.Count == 0:
                await FireAsync(run, cancellationToken);
                break;
            case OverlapRule.Skip:
                Decide(run, RunOutcome.Skipped, $"The run before has not ended (job {BlockingJob}).");
                break;
            case OverlapRule.Queue when _waiting.Count >= MostWaiting:
                Decide(run, RunOutcome.Skipped, $"{MostWaiting} runs wait already.");
                break;
            case OverlapRule.Queue:
                Wait(run, $"Waits for the runs before it (job {BlockingJob}).");
                break;
            default:
                Replace(_waiting);
                Wait(run, $"Waits for job {BlockingJob}, which it replaces, to stop.");
                break;
        }
    }

    private void Replace(List<ScheduleRun> waiting)
    {
        foreach (var run in waiting)
        {
            Decide(run, RunOutcome.Skipped, Replaced);
        }
        waiting.Clear();
    }

    private Guid BlockingJob => _open.Count > 0 ? _open[0].Id : _jobs[0].Id;

    private void Wait(ScheduleRun run, string reason)
    {
        _waiting.Add(run);
        Decide(run, RunOutcome.Waiting, reason);
    }

    private async Task FireAsync(ScheduleRun run, CancellationToken cancellationToken)
    {
        var (jobs, refusal) = await PrepareAsync(run, cancellationToken);
        if (jobs.Count == 0)
        {
            Decide(run, RunOutcome.Refused, refusal!);
            return;
        }
        _jobs.AddRange(jobs);
        Decide(run with { JobId = jobs[0].Id }, RunOutcome.Fired, reason: null);
    }

    /// <returns>Its job, with its children; none where it is refused.</returns>
    private async Task<(IReadOnlyList<Job> Jobs, string? Refusal)> PrepareAsync(
        ScheduleRun run, CancellationToken cancellationToken)
    {
        try
        {
            var startBefore = run.TriggeredBy is null ? run.PlannedAt + Definition.MaxLateness : null;
            var (routing, prepared) = _submitter.Prepare(
                _schedule.ToSubmission(startBefore, run.TriggeredBy), mayWait: run.TriggeredBy is null);
            return prepared is null
                ? ([], routing.Reason)
                : (await _contents.PinAsync(
                    prepared.WithChildren(
                        prepared.Job with { ScheduleId = _schedule.Id, PlannedAt = run.PlannedAt }),
                    cancellationToken), null);
        }
        catch (JobRefusedException refused)
        {
            return ([], Tell(refused));
        }
        catch (UnknownPluginException unknown)
        {
            return ([], unknown.Message);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            _faults.Add(fault); // of a plugin, say; the other runs of this transaction are not to suffer for it
            return ([], "Its job could not be prepared; the log of the process says why.");
        }
    }

    private static string Tell(JobRefusedException refused) =>
        string.Join(" ", refused.Problems.Select(problem => $"{problem.Path}: {problem.Message}"));

    private ScheduleRun ToRun(DateTime plannedAt, string? triggeredBy) => new()
    {
        Id = Guid.CreateVersion7(),
        Schedule = _schedule.Id,
        PlannedAt = plannedAt,
        Outcome = RunOutcome.Waiting,
        TriggeredBy = triggeredBy,
    };

    private void Decide(ScheduleRun run, RunOutcome outcome, string? reason) =>
        _decided[run.Id] = run with { Outcome = outcome, Reason = reason, DecidedAt = _now };
}
