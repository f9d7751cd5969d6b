namespace Heimdall.Core.Catalog;

/// <summary>What a job asks of the catalog.</summary>
/// <param name="CommandCriteria">Tags that the command must carry.</param>
/// <param name="ClusterCriteria">Tags that the cluster must carry.</param>
/// <param name="User">Who asks.</param>
/// <param name="MayWait">Whether a cluster that did not answer its last health check will do where no other does: nobody is there to ask again.</param>
public sealed record RoutingRequest(
    IReadOnlyCollection<string> CommandCriteria, IReadOnlyCollection<string> ClusterCriteria, string User, bool MayWait = false);
