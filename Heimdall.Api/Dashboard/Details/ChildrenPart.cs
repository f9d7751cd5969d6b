using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>The children of a parent, a line for each cluster.</summary>
internal static class ChildrenPart
{
    /// <returns>Nothing for a job that is no parent.</returns>
    public static async Task<Markup> DrawAsync(DashboardContext context, Job job, DateTime now)
    {
        if (job.FanOut is not { } fanOut)
        {
            return Markup.Empty;
        }
        var rights = context.RightsOfCaller();
        var children = (await context.Service<FanOuts>().SummarizeAsync(job.Id, context.Aborted()))
            .Where(child => rights.Over(Right.SeeJobs, child.Place)).ToList();
        return Markup.Of($"""
            <h2>Clusters</h2>
            <div class="hd-bar"><span>Ended</span>
            <progress max="{fanOut.Total}" value="{fanOut.Ended}" aria-label="Ended"></progress>
            <span class="hd-count">{fanOut.Ended} of {fanOut.Total}</span></div>
            <div class="table-responsive" tabindex="0" role="region" aria-label="Clusters">
            <table class="table table-condensed hd-children"><thead><tr>
            <th scope="col">Cluster</th><th scope="col">Status</th><th scope="col">Took</th>
            <th scope="col">Error</th><th scope="col">Job</th>
            </tr></thead><tbody>{children.Select(child => DrawRow(context, child, now))}</tbody></table></div>
            """);
    }

    private static Markup DrawRow(DashboardContext context, ChildSummary child, DateTime now)
    {
        var took = child.StartedAt is { } start ? Pieces.Duration((child.FinishedAt ?? now) - start) : "";
        return Markup.Of($"""
            <tr><th scope="row">{child.ClusterName}</th><td>{Pieces.Status(child.Status)}</td><td>{took}</td>
            <td>{child.Error ?? ""}</td><td>{Pieces.JobLink(context.AddressOf, child.Id, $"job {child.Id}")}</td></tr>
            """);
    }
}
