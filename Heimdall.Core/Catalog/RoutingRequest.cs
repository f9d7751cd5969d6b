namespace Heimdall.Core.Catalog;

/// <summary>What a job asks of the catalog.</summary>
/// <param name="CommandCriteria">Tags that the command must carry.</param>
/// <param name="ClusterCriteria">Tags that the cluster must carry.</param>
/// <param name="User">Who asks.</param>
public sealed record RoutingRequest(IReadOnlyCollection<string> CommandCriteria, IReadOnlyCollection<string> ClusterCriteria, string User);
