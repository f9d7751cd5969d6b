using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Details;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Plugins;
using Heimdall.Core.Running;

namespace Heimdall.Api.Dashboard.Overviews;

/// <summary>Parts of the overview about what runs: for how long, blocked by whom, and on which worker.</summary>
internal static class RunningParts
{
    private const int MostLongest = 10;
    private const int MostOfWorker = 5;

    public static Markup DrawLongest(DashboardContext context, JobOverview overview)
    {
        var rows = overview.Running.Take(MostLongest).Select(job => Markup.Of($"""
            <tr><td class="hd-number">{Pieces.Duration(overview.At - job.Since)}</td>
            <td>{Pieces.JobLink(context.AddressOf, job.Id, job.Name)}<div class="hd-narrow">{job.ClusterName} · {job.User}</div></td>
            <td class="hd-wide">{job.ClusterName}</td><td class="hd-wide">{job.User}</td><td>{Progress(job)}</td></tr>
            """));
        return overview.Running.Count == 0
            ? Markup.Of($"<h2>Longest running</h2><p>No job runs.</p>")
            : Markup.Of($"""
                <h2>Longest running</h2><table class="table"><thead><tr><th scope="col" class="hd-number">For</th><th scope="col">Job</th>
                <th scope="col" class="hd-wide">Cluster</th><th scope="col" class="hd-wide">Caller</th><th scope="col">Statements</th>
                </tr></thead><tbody>{rows}</tbody></table>
                """);
    }

    public static Markup DrawBlocked(
        DashboardContext context, JobOverview overview, BlockedAnswer answer)
    {
        var blocked = answer.Blocked;
        var items = overview.Running.Where(job => blocked.ContainsKey(job.Id)).Select(job => Markup.Of($"""
            <li>{Pieces.JobLink(context.AddressOf, job.Id, job.Name)} on {job.ClusterName}
            <ul>{blocked[job.Id].BlockedBy.Select(blocker =>
                Markup.Of($"<li>by {SessionPart.DrawBlocker(blocker, overview.At, context.AddressOf)}</li>"))}</ul></li>
            """)).ToList();
        var body = items.Count > 0 ? Markup.Of($"""<ul class="hd-blocked">{items}</ul>""")
            : answer.IsWhole ? Markup.Of($"<p>No job waits for a lock.</p>")
            : Markup.Of($"<p>Not known yet: the clusters are being asked.</p>");
        var bound = overview.Running.Count > BlockedJobs.MostAsked
            ? Markup.Of($"""<p class="hd-aside">The {BlockedJobs.MostAsked} jobs that have run longest are looked at.</p>""")
            : Markup.Empty;
        return Markup.Of($"<h2>Blocked now</h2>{body}{bound}");
    }

    /// <summary>The workers are everybody's, so they are for who sees everybody's jobs.</summary>
    public static async Task<Markup> DrawWorkersAsync(DashboardContext context, JobOverview overview)
    {
        if (!context.RightsOfCaller().Has(Right.SeeEngine))
        {
            return Markup.Empty;
        }
        var workers = await context.Service<LivingProcesses>().FindWorkersAsync(context.Aborted());
        var isPartial = overview.Running.Count >= JobFigures.MostRunning;
        var running = overview.Running.Where(job => !job.IsSync).ToLookup(job => job.Worker);
        var rows = workers.Select(worker => DrawWorker(context, worker, [.. running[worker.Name]], isPartial));
        return workers.Count == 0
            ? Markup.Of($"<h2>Workers</h2>{Pieces.Alert("warning", Markup.Of($"No worker has been heard of lately. Jobs are taken in, and wait."))}")
            : Markup.Of($"""
                <h2>Workers</h2><table class="table"><thead><tr><th scope="col">Worker</th><th scope="col" class="hd-number">Slots taken</th>
                <th scope="col">Runs</th><th scope="col" class="hd-wide">Since</th></tr></thead><tbody>{rows}</tbody></table>
                """);
    }

    /// <param name="context">The request.</param>
    /// <param name="worker">The worker.</param>
    /// <param name="jobs">Those of its jobs that are known.</param>
    /// <param name="isPartial">Whether it may run more than these.</param>
    private static Markup DrawWorker(DashboardContext context, LivingWorker worker, RunningJob[] jobs, bool isPartial)
    {
        var links = jobs.Take(MostOfWorker)
            .Select(job => Markup.Of($"{Pieces.JobLink(context.AddressOf, job.Id, job.Name)} "));
        var more = jobs.Length > MostOfWorker ? $"and {jobs.Length - MostOfWorker} more" : "";
        return Markup.Of($"""
            <tr><th scope="row">{worker.Name}</th>
            <td class="hd-number">{jobs.Length}{(isPartial ? "+" : "")} of {worker.Slots}</td>
            <td class="hd-names">{(jobs.Length == 0 ? "nothing" : "")}{links}{more}</td><td class="hd-wide">{Pieces.Time(worker.StartedAt)}</td></tr>
            """);
    }

    private static string Progress(RunningJob job) => (job.Statements, job.StatementsTotal) switch
    {
        ({ } done, { } all and > 0) => $"{Pieces.Number(done)} of {Pieces.Number(all)}",
        ({ } done, _) => Pieces.Number(done),
        _ => "",
    };
}
