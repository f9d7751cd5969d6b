using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>What the pages of clusters and commands say beside the catalog.</summary>
/// <param name="Open">The jobs that the caller may see and that have not ended.</param>
/// <param name="Pauses">Those that the caller may see.</param>
/// <param name="Now">By the store's clock.</param>
internal sealed record CatalogReading(OpenJobs Open, IReadOnlyList<QueuePause> Pauses, DateTime Now)
{
    public static async Task<CatalogReading> ReadAsync(DashboardContext context)
    {
        var open = await context.Service<JobFigures>().ReadOpenAsync(context.RightsOfCaller().Jobs, context.Aborted());
        var held = await context.Service<Pauses>().ListAsync(context.Aborted());
        var live = context.Service<LiveCatalog>();
        return new CatalogReading(
            open, [.. held.Where(pause => context.GetHttpContext().Sees(live, pause.Target))],
            context.Service<StoreClock>().GetUtcNow().UtcDateTime);
    }

    public QueuePause? PauseOf(PauseTarget target) => Pauses.FirstOrDefault(pause => pause.Target == target);

    public Markup DrawBound() => Pieces.OfOldest(Open.IsPartial);

    public OpenParts PartsOf(DashboardContext context, Cluster cluster) => new(
        context, "cluster", cluster.Id, cluster.Name, cluster.MaxConcurrency,
        Open.ByCluster.GetValueOrDefault(cluster.Id, OpenFigures.None), Open.IsPartial, Now);

    public OpenParts PartsOf(DashboardContext context, Command command) => new(
        context, "command", command.Id, command.Name, command.MaxConcurrency,
        Open.ByCommand.GetValueOrDefault(command.Id, OpenFigures.None), Open.IsPartial, Now);
}
