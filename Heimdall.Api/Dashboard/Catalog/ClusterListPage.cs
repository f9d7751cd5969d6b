using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>The clusters: whether they answer, how fast, and their jobs. Never how to reach them.</summary>
internal static class ClusterListPage
{
    private const int RefreshSeconds = 5;

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var catalog = context.Service<LiveCatalog>().Current;
        var reading = await CatalogReading.ReadAsync(context);
        var rows = catalog.Clusters.Where(context.RightsOfCaller().Sees)
            .Select(cluster => DrawRow(context, cluster, reading));
        return new PageContent("Clusters", Markup.Of($"""
            <h1 class="page-header">Clusters</h1>
            {Pieces.Part("hd-list", Markup.Of($"""
            <table class="table hd-clusters"><thead><tr>
            <th scope="col">Cluster</th><th scope="col">Health</th><th scope="col" class="hd-wide">Latency</th>
            {OpenParts.Heads}<th scope="col" class="hd-wide">Tags</th>
            </tr></thead><tbody>{rows}</tbody></table>{reading.DrawBound()}
            """))}
            <p class="hd-aside">Health is what the API process that drew this page has seen. It probes the active
            clusters every ten seconds.</p>
            <section>{PausePanel.Draw(context, catalog, reading.Pauses)}</section>
            """)) { RefreshSeconds = RefreshSeconds };
    }

    private static Markup DrawRow(DashboardContext context, Cluster cluster, CatalogReading reading)
    {
        var version = cluster.Version.Length > 0
            ? Markup.Of($""" <span class="hd-aside">{cluster.Version}</span>""")
            : Markup.Empty;
        var paused = reading.PauseOf(PauseTarget.Cluster(cluster.Id)) is null ? Markup.Empty : Pieces.State("PAUSED");
        var health = context.Service<ClusterHealthBoard>().Last(cluster.Id);
        var latency = ClusterPage.LatencyOf(cluster, health);
        var address = context.AddressOf(CatalogPieces.ClusterPath(cluster.Id));
        return Markup.Of($"""
            <tr><th scope="row"><a href="{address}">{cluster.Name}</a>{version}</th>
            <td>{ClusterPage.DrawHealth(cluster, health, reading.Now)}{paused}
            <div class="hd-narrow">{latency}</div></td>
            <td class="hd-wide">{latency}</td>
            {reading.PartsOf(context, cluster).Cells}
            <td class="hd-wide">{string.Join(", ", cluster.Tags)}</td></tr>
            """);
    }
}
