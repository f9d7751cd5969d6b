using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Running;

namespace Heimdall.Api.Dashboard.Overviews;

/// <summary>How many jobs there are by status, each a link to the list of these jobs.</summary>
internal static class StatusTiles
{
    public static Markup Draw(DashboardContext context, JobOverview overview)
    {
        var since = overview.At.AddDays(-1).ToString("yyyy-MM-dd'T'HH:mm:00'Z'", CultureInfo.InvariantCulture);
        var ended = new[] { JobStatus.Succeeded, JobStatus.Failed, JobStatus.Canceled, JobStatus.Killed }.Select(
            status => Tile(
                context, status, overview.Ended.GetValueOrDefault(status), JobFigures.MostCounted, "last 24 h",
                ("created_after", since)));
        return Markup.Of($"""
            <h2 class="hd-unseen">Jobs by status</h2><ul class="hd-tiles">
            {Tile(context, JobStatus.Accepted, overview.Waiting.Count, MostWaiting(overview), "waiting now")}
            {Tile(context, JobStatus.Running, Running(overview, JobStatus.Running), MostRunning(overview), "now")}
            {Tile(context, JobStatus.Canceling, Running(overview, JobStatus.Canceling), MostRunning(overview), "now")}
            {ended}</ul>
            """);
    }

    private static long Running(JobOverview overview, JobStatus status) =>
        overview.Running.Count(job => job.Status == status);

    private static long MostWaiting(JobOverview overview) => overview.Waiting.IsPartial ? 0 : long.MaxValue;

    /// <summary>From which count on there may be more: where not all running jobs were read, from any.</summary>
    private static long MostRunning(JobOverview overview) =>
        overview.Running.Count >= JobFigures.MostRunning ? 0 : long.MaxValue;

    private static Markup Tile(
        DashboardContext context, JobStatus status, long count, long most, string when,
        params IEnumerable<(string Name, string Value)> more)
    {
        var query = more.Aggregate(
            new QueryString().Add("status", status.ToName()), (all, one) => all.Add(one.Name, one.Value));
        return Markup.Of($"""
            <li><a class="hd-tile hd-tile-{status.ToName().ToLowerInvariant()}{(count == 0 ? " hd-zero" : "")}"
                href="{context.AddressOf("/sql/jobs") + query}"><span class="hd-tile-name">{status.ToName()}</span>
            <span class="hd-tile-count">{Pieces.Number(count)}{(count >= most ? "+" : "")}</span>
            <span class="hd-tile-when">{when}</span></a></li>
            """);
    }
}
