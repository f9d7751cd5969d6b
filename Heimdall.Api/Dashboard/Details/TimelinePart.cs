using System.Globalization;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The life of a job to scale: how long it waited, what each attempt took, and how it ended.</summary>
internal static class TimelinePart
{
    private const double Width = 1000;
    private const double Least = 3; // so that a short attempt between long waits is seen

    public static Markup Draw(Job job, IReadOnlyList<(JobAttempt Attempt, AttemptSession? Session)> attempts, DateTime now)
    {
        var steps = StepsOf(job, [.. attempts.Select(one => one.Attempt)], job.FinishedAt ?? now).ToList();
        var total = steps.Sum(step => Math.Max(0, step.Time.TotalMilliseconds));
        if (total <= 0)
        {
            return Markup.Empty;
        }
        var wide = steps.Select(step => Math.Max(Least, Width * Math.Max(0, step.Time.TotalMilliseconds) / total)).ToList();
        var scale = Width / wide.Sum();
        var at = 0.0;
        var bars = new List<Markup>();
        foreach (var (step, width) in steps.Zip(wide, (step, width) => (step, width * scale)))
        {
            bars.Add(Markup.Of($"""
                <rect class="{step.Css}" x="{Number(at)}" y="0" width="{Number(Math.Max(1, width - 1))}" height="22"><title>{step.Text} {Pieces.Duration(step.Time)}</title></rect>
                """));
            at += width;
        }
        var told = steps.Select(step => Markup.Of($"""
            <li><span class="hd-key {step.Css}"></span>{step.Text} <b>{Pieces.Duration(step.Time)}</b></li>
            """));
        return Markup.Of($"""
            <h2>Timeline</h2>
            <svg class="hd-time" role="img" aria-label="Timeline of the job" viewBox="0 0 {(long)Width} 22" preserveAspectRatio="none">{bars}</svg>
            <ol class="hd-steps">{told}</ol>
            """);
    }

    private static IEnumerable<TimelineStep> StepsOf(Job job, JobAttempt[] attempts, DateTime end)
    {
        var at = job.CreatedAt;
        foreach (var attempt in attempts)
        {
            yield return new TimelineStep("hd-t-wait", at == job.CreatedAt ? "waited" : "waited again", attempt.StartedAt - at);
            at = attempt.FinishedAt ?? end;
            yield return new TimelineStep(CssOf(attempt), TextOf(attempt), at - attempt.StartedAt);
        }
        if (!job.Status.IsFinal() && attempts is [.., { FinishedAt: null }])
        {
            yield break;
        }
        if (attempts.Length == 0 || end > at)
        {
            yield return new TimelineStep("hd-t-wait", job.Status.IsFinal() ? "waited" : "waits", end - at);
        }
    }

    private static string TextOf(JobAttempt attempt) => attempt.Outcome switch
    {
        null => $"attempt {attempt.Number} runs on {attempt.Worker}",
        JobAttempt.HandedBack => $"attempt {attempt.Number}, handed back by {attempt.Worker}",
        var outcome => $"attempt {attempt.Number}, {outcome}",
    };

    private static string CssOf(JobAttempt attempt) => attempt.Outcome switch
    {
        null => "hd-t-run",
        "SUCCEEDED" => "hd-t-good",
        "FAILED" or "KILLED" or JobAttempt.Lost => "hd-t-bad",
        _ => "hd-t-dull",
    };

    private static string Number(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);

    private sealed record TimelineStep(string Css, string Text, TimeSpan Time);
}
