using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Sharing;
using Heimdall.Core.Submission;

namespace Heimdall.Core.Schedules;

/// <summary>
/// The schedules that are late, or whose last run failed or was refused. All are read for that, so those who ask share
/// an answer for ten seconds: what the store pays does not grow with those who watch. A run by hand may be refused for
/// what a run by the clock would wait for: it is judged by what the clock would do, and hides no run before it.
/// </summary>
public sealed class ScheduleTroubles(
    ScheduleStore schedules, ScheduleRunStore runs, JobResolver resolver, StoreClock clock, TimeProvider time)
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(10);

    /// <summary>A minute is what a busy worker may need.</summary>
    private static readonly TimeSpan Lateness = TimeSpan.FromMinutes(1);

    private readonly SharedAnswers<bool, IReadOnlyList<ScheduleTrouble>> _answers = new(Age, time);

    /// <summary>Those of everybody, by their ids.</summary>
    public Task<IReadOnlyList<ScheduleTrouble>> FindAsync(CancellationToken cancellationToken) =>
        _answers.GetAsync(true, LookAsync).WaitAsync(cancellationToken);

    // Not on behalf of one of those who share the answer: when one stops waiting, the others still get it.
    private async Task<IReadOnlyList<ScheduleTrouble>> LookAsync()
    {
        var all = await schedules.ListAsync(CancellationToken.None);
        if (all.Count == 0)
        {
            return [];
        }
        var last = await runs.LastAsync(CancellationToken.None);
        string[] refusedByHand = [.. last.Values.Where(IsRefusedByHand).Select(run => run.Schedule)];
        var others = await runs.LastNotRefusedByHandAsync(refusedByHand, CancellationToken.None);
        var now = clock.GetUtcNow().UtcDateTime;
        return [.. all.Select(schedule => Judge(schedule, last.GetValueOrDefault(schedule.Id), others, now))
            .OfType<ScheduleTrouble>()];
    }

    private static bool IsRefusedByHand(ScheduleRun run) =>
        run is { Outcome: RunOutcome.Refused, TriggeredBy: not null };

    private ScheduleTrouble? Judge(
        Schedule schedule, ScheduleRun? last, IReadOnlyDictionary<string, ScheduleRun> others, DateTime now)
    {
        if (schedule is { Pause: null, NextAt: { } next } && next < now - Lateness)
        {
            return new ScheduleTrouble(schedule, ScheduleTroubleKind.Late, next, null);
        }
        if (last is not null && IsRefusedByHand(last))
        {
            if (resolver.FindRefusalOfRun(schedule.ToSubmission(startBefore: null, triggeredBy: null)) is { } reason)
            {
                return new ScheduleTrouble(schedule, ScheduleTroubleKind.Unroutable, last.PlannedAt, reason);
            }
            last = others.GetValueOrDefault(schedule.Id);
        }
        return last switch
        {
            { Outcome: RunOutcome.Refused } =>
                new ScheduleTrouble(schedule, ScheduleTroubleKind.Unroutable, last.PlannedAt, last.Reason),
            { Job.Status: JobStatus.Failed or JobStatus.Killed } =>
                new ScheduleTrouble(schedule, ScheduleTroubleKind.Failing, last.PlannedAt, last.Job.Error),
            _ => null,
        };
    }
}

/// <summary>What is wrong with a schedule.</summary>
/// <param name="Schedule">The schedule.</param>
/// <param name="Kind">What it is.</param>
/// <param name="At">The occurrence that it is about.</param>
/// <param name="Said">Why.</param>
public sealed record ScheduleTrouble(Schedule Schedule, ScheduleTroubleKind Kind, DateTime At, string? Said);

public enum ScheduleTroubleKind
{
    /// <summary>It is due for more than a minute.</summary>
    Late,

    /// <summary>Its last run found no command or no cluster.</summary>
    Unroutable,

    /// <summary>Its last run failed.</summary>
    Failing,
}
