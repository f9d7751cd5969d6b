using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Clusters;

/// <summary>The clusters: whether they answer, how fast, and how many jobs they have. Never how to reach them.</summary>
internal static class ClusterListPage
{
    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var catalog = context.Service<LiveCatalog>().Current;
        var board = context.Service<ClusterHealthBoard>();
        var rights = context.RightsOfCaller();
        var counts = await context.Service<OpenJobCounts>().ReadAsync(rights.Jobs, context.Aborted());
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        var held = await context.Service<Pauses>().ListAsync(context.Aborted());
        var live = context.Service<LiveCatalog>();
        QueuePause[] pauses = [.. held.Where(pause => context.GetHttpContext().Sees(live, pause.Target))];
        var rows = catalog.Clusters.Where(rights.Sees).Select(cluster => DrawRow(
            context, cluster, board.Last(cluster.Id), counts.GetValueOrDefault(cluster.Id),
            pauses.Any(pause => pause.Target == PauseTarget.Cluster(cluster.Id)), now));
        return new PageContent("Clusters", Markup.Of($"""
            <h1 class="page-header">Clusters</h1>
            <table class="table hd-clusters"><thead><tr>
            <th scope="col">Cluster</th><th scope="col">Health</th><th scope="col" class="hd-wide">Latency</th><th scope="col">Running</th><th scope="col">Queued</th><th scope="col" class="hd-wide">Tags</th>
            </tr></thead><tbody>{rows}</tbody></table>
            <p class="hd-aside">Health is what the API process that drew this page has seen: it probes the active clusters every ten seconds.</p>
            {PausePanel.Draw(context, catalog, pauses)}
            """));
    }

    private static Markup DrawRow(DashboardContext context, Cluster cluster, ClusterHealth? health, OpenJobs open, bool isPaused, DateTime now)
    {
        var latency = health is { Healthy: true } ? Pieces.Duration(health.Latency) : "";
        return Markup.Of($"""
            <tr><th scope="row">{cluster.Name}{(cluster.Version.Length > 0 ? Markup.Of($""" <span class="hd-aside">{cluster.Version}</span>""") : Markup.Empty)}</th>
            <td>{DrawHealth(cluster, health, now)}{(isPaused ? Pieces.State("PAUSED") : Markup.Empty)}<div class="hd-narrow">{latency}</div></td><td class="hd-wide">{latency}</td>
            <td>{JobsLink(context, cluster, "RUNNING,CANCELING", "running", open.Running)}</td><td>{JobsLink(context, cluster, "ACCEPTED", "queued", open.Queued)}</td>
            <td class="hd-wide">{string.Join(", ", cluster.Tags)}</td></tr>
            """);
    }

    private static Markup DrawHealth(Cluster cluster, ClusterHealth? health, DateTime now)
    {
        if (cluster.Status != CatalogStatus.Active)
        {
            return Markup.Of($"""{Pieces.State("INACTIVE")}<div class="hd-said">gets no jobs and is not probed</div>""");
        }
        return health is null
            ? Pieces.State("UNKNOWN")
            : Markup.Of($"""{Pieces.State(health.Healthy ? "HEALTHY" : "DOWN")}{DrawProbe(health, now)}{DrawWarnings(health)}""");
    }

    private static Markup DrawProbe(ClusterHealth health, DateTime now) => Markup.Of(
        $"""<div class="hd-said">{health.Error} {Pieces.Duration(now - health.CheckedAt)} ago</div>""");

    private static IEnumerable<Markup> DrawWarnings(ClusterHealth health) => health.Warnings
        .Select(warning => Markup.Of($"""<div class="hd-said">{Pieces.State("WARNING")} {warning}</div>"""));

    private static Markup JobsLink(DashboardContext context, Cluster cluster, string status, string state, long count)
    {
        var address = context.AddressOf("/sql/jobs") + new QueryString().Add("cluster", cluster.Id).Add("status", status);
        return count == 0 ? Markup.Of($"0") : Markup.Of($"""<a href="{address}" aria-label="{Pieces.Number(count)} {state} on {cluster.Name}">{Pieces.Number(count)}</a>""");
    }
}
