using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>The cluster or the command that an address names.</summary>
/// <param name="Pause">The same, as it is paused.</param>
/// <param name="Path">Of its page.</param>
/// <param name="IsSeen">Whether it is there for the caller.</param>
internal sealed record CatalogTarget(PauseTarget Pause, string Path, bool IsSeen)
{
    public static CatalogTarget Cluster(DashboardContext context)
    {
        var id = context.UriMatch.Groups["cluster"].Value;
        return new(
            PauseTarget.Cluster(id), CatalogPieces.ClusterPath(id),
            context.GetHttpContext().SeenCluster(context.Service<LiveCatalog>(), id) is not null);
    }

    public static CatalogTarget Command(DashboardContext context)
    {
        var id = context.UriMatch.Groups["command"].Value;
        return new(
            PauseTarget.Command(id), CatalogPieces.CommandPath(id),
            context.GetHttpContext().SeenCommand(context.Service<LiveCatalog>(), id) is not null);
    }
}
