using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>One cluster: whether it answers, its jobs, and its buttons. Never how to reach it.</summary>
internal static class ClusterPage
{
    private const int RefreshSeconds = 5;

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var target = CatalogTarget.Cluster(context);
        var id = target.Pause.Id;
        if (context.GetHttpContext().SeenCluster(context.Service<LiveCatalog>(), id) is not { } cluster)
        {
            return CatalogPieces.Unknown("cluster", id);
        }
        var reading = await CatalogReading.ReadAsync(context);
        var pause = reading.PauseOf(target.Pause);
        var parts = reading.PartsOf(context, cluster);
        var health = context.Service<ClusterHealthBoard>().Last(id);
        var controls = CatalogButtons.DrawParts(context, target, cluster.Status, pause, parts);
        return new PageContent(cluster.Name, Markup.Of($"""
            <p class="hd-back"><a href="{context.AddressOf("/sql/clusters")}">Clusters</a></p>
            <h1 class="page-header">{cluster.Name} {CatalogButtons.DrawStates(cluster.Status, pause)}</h1>
            {(cluster.Description.Length > 0 ? Markup.Of($"<p>{cluster.Description}</p>") : Markup.Empty)}
            {controls}
            {Pieces.Part("hd-open", Markup.Of($"""
            <h2>Jobs</h2><dl class="hd-facts">{parts.Facts}</dl>{reading.DrawBound()}
            {CatalogPieces.DrawJobLinks(context, "cluster", id)}
            """))}
            {Pieces.Part("hd-health", Markup.Of($"""
            <h2>Health</h2>{DrawHealth(cluster, health, reading.Now)}
            <dl class="hd-facts">{Pieces.Fact("Latency", LatencyOf(cluster, health))}</dl>
            """))}
            <section><h2>Cluster</h2><dl class="hd-facts">
            {Pieces.Fact("Id", Markup.Of($"<code>{id}</code>"))}{Pieces.Fact("Version", cluster.Version)}
            {Pieces.Fact("Tags", Pieces.Tags(cluster.Tags))}
            {Pieces.Fact("Weight", $"{cluster.Weight}")}
            {Pieces.Fact("Queued jobs at once", CatalogPieces.Limit(cluster.MaxConcurrency))}
            {Pieces.Fact("Defined by", CatalogPieces.SourceOf(cluster.Put))}
            {Pieces.Fact("Last changed", Pieces.Time(cluster.UpdatedAt))}
            </dl></section>
            """)) { RefreshSeconds = RefreshSeconds };
    }

    /// <summary>What the last probe said.</summary>
    public static Markup DrawHealth(Cluster cluster, ClusterHealth? health, DateTime now)
    {
        if (cluster.Status != CatalogStatus.Active)
        {
            return Markup.Of($"""
                {Pieces.State("INACTIVE")}<div class="hd-said">gets no new jobs and is not probed</div>
                """);
        }
        if (health is null)
        {
            return Pieces.State("UNKNOWN");
        }
        var state = Pieces.State(health.Healthy ? "HEALTHY" : "DOWN");
        return Markup.Of($"{state}{DrawProbe(health, now)}{DrawWarnings(health)}");
    }

    /// <summary>Empty where it is not known.</summary>
    public static string LatencyOf(Cluster cluster, ClusterHealth? health) =>
        cluster.Status == CatalogStatus.Active && health is { Healthy: true } ? Pieces.Duration(health.Latency) : "";

    private static Markup DrawProbe(ClusterHealth health, DateTime now) => Markup.Of(
        $"""<div class="hd-said">{health.Error} {Pieces.Duration(now - health.CheckedAt)} ago</div>""");

    private static IEnumerable<Markup> DrawWarnings(ClusterHealth health) => health.Warnings
        .Select(warning => Markup.Of($"""<div class="hd-said">{Pieces.State("WARNING")} {warning}</div>"""));
}
