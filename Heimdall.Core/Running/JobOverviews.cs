using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Sharing;

namespace Heimdall.Core.Running;

/// <summary>
/// What there is to say of all jobs that somebody may see. Those who may see the same share an answer: of the present for
/// two seconds, of a day and a week for a minute. So what the store pays for it does not grow with those who watch.
/// </summary>
public sealed class JobOverviews
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    private readonly JobFigures _figures;
    private readonly StoreClock _clock;
    private readonly SharedAnswers<string, JobOverview> _now;
    private readonly SharedAnswers<string, (JobSample Day, JobSample Week)> _history;

    public JobOverviews(JobFigures figures, StoreClock clock, TimeProvider time)
    {
        (_figures, _clock) = (figures, clock);
        _now = new(TimeSpan.FromSeconds(2), time);
        _history = new(TimeSpan.FromMinutes(1), time);
    }

    /// <param name="sight">The jobs that count.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    public Task<JobOverview> ReadAsync(JobSight sight, CancellationToken cancellationToken)
    {
        var key = JsonSerializer.Serialize(sight.IsEverything ? JobSight.Everything : sight);
        return _now.GetAsync(key, () => ReadNowAsync(key, sight)).WaitAsync(cancellationToken);
    }

    // Not on behalf of one of those who share the answer: when one stops waiting, the others still get it.
    private async Task<JobOverview> ReadNowAsync(string key, JobSight sight)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        var minute = new DateTime(now.Ticks - now.Ticks % TimeSpan.TicksPerMinute, DateTimeKind.Utc).AddMinutes(1);
        var history = _history.GetAsync(key, async () => (
            await _figures.SampleAsync(sight, now - Day, TimeSpan.FromMinutes(15), 96, 40, now, CancellationToken.None),
            await _figures.SampleAsync(sight, now - Week, Hour, 168, 30, now, CancellationToken.None)));
        var ended = _figures.CountEndedAsync(sight, now - Day, CancellationToken.None);
        var failures = _figures.GroupFailuresAsync(sight, now - Week, CancellationToken.None);
        var hour = await _figures.SampleAsync(
            sight, minute - Hour, TimeSpan.FromMinutes(1), 60, 100, now, CancellationToken.None);
        var waiting = await _figures.ReadWaitingAsync(sight, CancellationToken.None);
        var running = await _figures.ReadRunningAsync(sight, CancellationToken.None);
        var (day, week) = await history;
        return new JobOverview(
            now, await ended, waiting, running, await failures, hour, day, week, IsByEnd: sight.IsEverything)
        {
            Unapproved = await _figures.CountUnapprovedAsync(sight, CancellationToken.None),
        };
    }
}

/// <summary>What there is to say of many jobs.</summary>
/// <param name="At">When it was read.</param>
/// <param name="Ended">Of the jobs submitted in the last day, those that have ended, by how.</param>
/// <param name="Waiting">By cluster.</param>
/// <param name="Running">Those first that have run longest.</param>
/// <param name="Failures">Of the last week.</param>
/// <param name="LastHour">A sample of each minute.</param>
/// <param name="LastDay">A sample of each quarter of an hour.</param>
/// <param name="LastWeek">A sample of each hour.</param>
/// <param name="IsByEnd">Whether the samples are of what ended in a time, and not of what was submitted then.</param>
public sealed record JobOverview(
    DateTime At, IReadOnlyDictionary<JobStatus, long> Ended, QueueFigures Waiting,
    IReadOnlyList<RunningJob> Running, IReadOnlyList<FailureGroup> Failures, JobSample LastHour, JobSample LastDay,
    JobSample LastWeek, bool IsByEnd)
{
    /// <summary>How many jobs wait for an approval.</summary>
    public long Unapproved { get; init; }
}
