using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Running;

namespace Heimdall.Api.Dashboard.Overviews;

/// <summary>Parts of the overview that are numbers: pace, times, depth and failures.</summary>
internal static class FigureParts
{
    private const int ChartHeight = 90;
    private const int BarWidth = 8;

    private static readonly (string Name, string Css, JobStatus[] Statuses)[] _series =
    [
        ("succeeded", "hd-good", [JobStatus.Succeeded]),
        ("failed or killed", "hd-bad", [JobStatus.Failed, JobStatus.Killed]),
        ("canceled", "hd-dull", [JobStatus.Canceled]),
    ];

    public static Markup DrawMinutes(JobOverview overview)
    {
        var hour = overview.LastHour;
        var counts = _series.Select(series => Enumerable.Range(0, hour.Parts).Select(minute =>
            (long)Math.Round(hour.Count(job => job.Part == minute && series.Statuses.Contains(job.Status)))).ToArray()).ToArray();
        var most = Math.Max(1, Enumerable.Range(0, hour.Parts).Max(minute => counts.Sum(series => series[minute])));
        var bars = Enumerable.Range(0, hour.Parts).Select(minute => DrawMinute(overview, counts, minute, most));
        var legend = _series.Select((series, i) => Markup.Of($"""
            <li><span class="hd-key {series.Css}"></span>{series.Name} <b>{About(hour, counts[i].Sum())}</b></li>
            """));
        return Markup.Of($"""
            <h2>Jobs a minute</h2>
            <p class="hd-aside">{(overview.IsByEnd ? "By when they ended" : "By when they were submitted, of those that have ended")}, in the last hour. The highest bar is {Pieces.Number(most)}.</p>
            <svg class="hd-chart" role="img" aria-label="Jobs a minute in the last hour" viewBox="0 0 {hour.Parts * BarWidth} {ChartHeight}" preserveAspectRatio="none">{bars}</svg>
            <div class="hd-axis"><span>{Pieces.Time(hour.From)}</span><span>now</span></div>
            <ul class="hd-legend">{legend}</ul>{Told(hour, "minute")}
            """);
    }

    public static Markup DrawTimes(JobOverview overview)
    {
        (string Name, JobSample Sample)[] spans =
            [("1 h", overview.LastHour), ("24 h", overview.LastDay), ("7 d", overview.LastWeek)];
        var rows = spans.Select(span => Markup.Of($"""
            <tr><th scope="row">{span.Name}</th><td>{About(span.Sample, (long)Math.Round(span.Sample.Count(_ => true)))}</td>
            {Cell(span.Sample, 0.5, job => job.Wait)}{Cell(span.Sample, 0.95, job => job.Wait)}
            {Cell(span.Sample, 0.5, job => job.Run)}{Cell(span.Sample, 0.95, job => job.Run)}</tr>
            """));
        return Markup.Of($"""
            <h2>Wait and run</h2>
            <table class="table hd-numbers"><thead><tr><th scope="col">Last</th><th scope="col">Jobs</th>
            <th scope="col">Wait p50</th><th scope="col">Wait p95</th><th scope="col">Run p50</th><th scope="col">Run p95</th>
            </tr></thead><tbody>{rows}</tbody></table>
            <p class="hd-aside">The figures of 24 h and 7 d are at most a minute old.</p>
            {Told(overview.LastDay, "quarter of an hour")}{Told(overview.LastWeek, "hour")}
            """);
    }

    public static Markup DrawDepth(DashboardContext context, JobOverview overview)
    {
        var catalog = context.Service<LiveCatalog>().Current;
        var rows = overview.Waiting.ByCluster.Select(cluster => Markup.Of($"""
            <tr><th scope="row">{catalog.FindCluster(cluster.ClusterId)?.Name ?? cluster.ClusterId}</th>
            <td><a href="{ListOf(context, ("cluster", cluster.ClusterId), ("status", "ACCEPTED"))}" aria-label="{Pieces.Number(cluster.Ready)} waiting for {cluster.ClusterId}">{Pieces.Number(cluster.Ready)}</a></td>
            <td>{Pieces.Number(cluster.Later)}</td>
            <td>{(cluster.Oldest is { } oldest ? Pieces.Duration(overview.At - oldest) : "")}</td></tr>
            """));
        var bound = Pieces.OfOldest(overview.Waiting.IsPartial);
        return overview.Waiting.ByCluster.Count == 0
            ? Markup.Of($"<h2>Queue</h2><p>No job waits.</p>{bound}")
            : Markup.Of($"""
                <h2>Queue</h2><table class="table hd-numbers"><thead><tr><th scope="col">Cluster</th><th scope="col">Waiting</th>
                <th scope="col">For a time or a job</th><th scope="col">Oldest</th></tr></thead><tbody>{rows}</tbody></table>{bound}
                """);
    }

    public static Markup DrawFailures(DashboardContext context, JobOverview overview)
    {
        if (overview.Failures is not [{ LookedAt: var lookedAt }, ..])
        {
            return Markup.Of($"<h2>Failures</h2><p>No job submitted in the last 7 days has failed.</p>");
        }
        var rows = overview.Failures.Select(group => Markup.Of($"""
            <tr><td><code>{group.State ?? "-"}</code></td>
            <td><a href="{ListOf(context, ("name", group.Name), ("status", "FAILED,KILLED"))}">{group.Name}</a>
            <div class="hd-said">{Pieces.JobLink(context.AddressOf, group.LastJob, "last job")}: {group.Error}</div></td>
            <td class="hd-number">{Pieces.Number(group.Count)}</td>
            <td class="hd-wide">{Pieces.Time(group.First)}</td><td class="hd-wide">{Pieces.Time(group.Last)}</td></tr>
            """));
        var bound = lookedAt >= JobFigures.MostFailures
            ? $"Of the newest {Pieces.Number(JobFigures.MostFailures)} failures of jobs submitted in the last 7 days."
            : "Of all jobs submitted in the last 7 days.";
        return Markup.Of($"""
            <h2>Failures</h2><p class="hd-aside">{bound}</p>
            <table class="table hd-failure-groups"><thead><tr><th scope="col">SQLSTATE</th><th scope="col">Name</th>
            <th scope="col" class="hd-number">Jobs</th><th scope="col" class="hd-wide">First</th><th scope="col" class="hd-wide">Last</th>
            </tr></thead><tbody>{rows}</tbody></table>
            """);
    }

    public static string ListOf(DashboardContext context, params IEnumerable<(string Name, string Value)> filter) =>
        context.AddressOf("/sql/jobs")
        + filter.Aggregate(new QueryString(), (query, one) => query.Add(one.Name, one.Value));

    private static Markup DrawMinute(JobOverview overview, long[][] counts, int minute, long most)
    {
        var foot = (double)ChartHeight;
        var pieces = new List<Markup>();
        foreach (var (series, i) in _series.Select((series, i) => (series, i)))
        {
            var height = counts[i][minute] == 0 ? 0 : Math.Max(1.5, ChartHeight * counts[i][minute] / (double)most);
            if (height > 0)
            {
                foot = Math.Max(0, foot - height);
                pieces.Add(Markup.Of($"""
                    <rect class="{series.Css}" x="{minute * BarWidth}" y="{Number(foot)}" width="{BarWidth - 1}" height="{Number(height)}"></rect>
                    """));
            }
        }
        var at = overview.LastHour.From + minute * overview.LastHour.Step;
        var told = string.Join(", ", _series.Select((series, i) => $"{counts[i][minute]} {series.Name}"));
        return pieces.Count == 0
            ? Markup.Empty
            : Markup.Of($"""<g><title>{at.ToString("HH:mm'Z'", CultureInfo.InvariantCulture)}: {told}</title>{pieces}</g>""");
    }

    private static Markup Cell(JobSample sample, double share, Func<SampledJob, TimeSpan?> timeOf) =>
        Markup.Of($"<td>{(sample.Percentile(share, timeOf) is { } time ? Pieces.Duration(time) : "–")}</td>");

    private static string About(JobSample sample, long count) =>
        $"{(sample.IsPartial ? "≈ " : "")}{Pieces.Number(count)}";

    /// <summary>A sample says that it is one.</summary>
    private static Markup Told(JobSample sample, string part) => sample.IsPartial
        ? Markup.Of($"""<p class="hd-aside">Estimated from the newest {sample.Each} jobs of each {part}.</p>""")
        : Markup.Empty;

    private static string Number(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);
}
