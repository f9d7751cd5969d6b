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
        var catalog = context.Service<LiveCatalog>();
        var id = IdIn(context, "cluster", name => catalog.Current.FindCluster(name) is not null);
        return new(
            PauseTarget.Cluster(id), CatalogPieces.ClusterPath(id),
            context.GetHttpContext().SeenCluster(catalog, id) is not null);
    }

    public static CatalogTarget Command(DashboardContext context)
    {
        var catalog = context.Service<LiveCatalog>();
        var id = IdIn(context, "command", name => catalog.Current.FindCommand(name) is not null);
        return new(
            PauseTarget.Command(id), CatalogPieces.CommandPath(id),
            context.GetHttpContext().SeenCommand(catalog, id) is not null);
    }

    /// <summary>The server leaves a slash in a segment of a path as it is written: %2F.</summary>
    private static string IdIn(DashboardContext context, string group, Predicate<string> isThere)
    {
        var id = context.UriMatch.Groups[group].Value;
        return isThere(id) ? id : id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
    }
}
