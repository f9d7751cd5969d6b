using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>
/// The last runs of a schedule as bars, the newest on the right: how long each took, and how it ended. The longest has
/// the whole height. The same is there as a text.
/// </summary>
internal static class RunStrip
{
    /// <summary>How many runs it shows.</summary>
    public const int Runs = 30;

    private const int Height = 28;
    private const int Least = 4;
    private const int Step = 7;
    private const int Width = 5;

    /// <param name="runs">The newest first.</param>
    /// <param name="now">What runs still has taken this long.</param>
    /// <param name="addressOf">Where a bar leads; null where it leads nowhere.</param>
    public static Markup Draw(IReadOnlyList<ScheduleRun> runs, DateTime now, Func<Guid, string>? addressOf = null)
    {
        if (runs.Count == 0)
        {
            return Markup.Empty;
        }
        var longest = runs.Max(run => TimeOf(run, now) ?? TimeSpan.Zero);
        var bars = runs.Reverse()
            .Select((run, place) => DrawBar(run, Runs - runs.Count + place, longest, now, addressOf));
        const int All = Runs * Step;
        return Markup.Of($"""
            <span class="hd-unseen">{Tell(runs, now)}</span>
            <svg class="hd-strip" aria-hidden="true" viewBox="0 0 {All} {Height}" height="{Height}"
            preserveAspectRatio="none">{bars}</svg>
            """);
    }

    /// <summary>How long its job has run; null where it has not.</summary>
    public static TimeSpan? TimeOf(ScheduleRun run, DateTime now) =>
        run.Job?.StartedAt is { } start ? (run.Job.FinishedAt ?? now) - start : null;

    public static string NameOf(ScheduleRun run) => run.Job?.Status.ToName() ?? run.Outcome.ToName();

    private static string Tell(IReadOnlyList<ScheduleRun> runs, DateTime now)
    {
        var ends = string.Join(", ", runs.GroupBy(NameOf).OrderByDescending(end => end.Count())
            .Select(end => $"{end.Count()} {end.Key}"));
        var times = runs.Select(run => TimeOf(run, now)).OfType<TimeSpan>().Order().ToList();
        var took = times.Count == 0
            ? ""
            : $" Usually {Pieces.Duration(times[times.Count / 2])}, at most {Pieces.Duration(times[^1])}.";
        return $"The last {(runs.Count == 1 ? "run" : $"{runs.Count} runs")}: {ends}.{took}";
    }

    private static Markup DrawBar(
        ScheduleRun run, int place, TimeSpan longest, DateTime now, Func<Guid, string>? addressOf)
    {
        var time = TimeOf(run, now);
        var height = time is { } took && longest > TimeSpan.Zero
            ? Math.Max(Least, (int)Math.Ceiling(Height * (took / longest)))
            : Least;
        var length = time is { } known ? $", {Pieces.Duration(known)}" : "";
        var bar = Markup.Of($"""
            <rect class="{ColourOf(run)}" x="{place * Step}" y="{Height - height}" width="{Width}" height="{height}">
            <title>{NameOf(run)}{length}, {Pieces.Moment(run.PlannedAt)}</title></rect>
            """);
        return addressOf is not null && run.JobId is { } job
            ? Markup.Of($"""<a href="{addressOf(job)}" tabindex="-1">{bar}</a>""")
            : bar;
    }

    private static string ColourOf(ScheduleRun run) => (run.Outcome, run.Job?.Status) switch
    {
        (_, JobStatus.Succeeded) => "hd-good",
        (_, JobStatus.Failed or JobStatus.Killed) or (RunOutcome.Refused, _) => "hd-bad",
        (_, JobStatus.Canceled) or (RunOutcome.Skipped, _) => "hd-dull",
        _ => "hd-open",
    };
}
