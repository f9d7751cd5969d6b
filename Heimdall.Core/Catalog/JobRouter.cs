namespace Heimdall.Core.Catalog;

/// <summary>Picks the command and the cluster of a job by tags.</summary>
public sealed class JobRouter(LiveCatalog catalog, ClusterHealthBoard health)
{
    /// <summary>
    /// Among the pairs of an active command that carries all command criteria and allows the caller, and an active, healthy
    /// cluster that carries all of the command's cluster tags and all cluster criteria, takes one at random,
    /// by the weights of the clusters.
    /// </summary>
    public RoutingResult Route(IReadOnlyCollection<string> commandCriteria, IReadOnlyCollection<string> clusterCriteria, string user)
    {
        var snapshot = catalog.Current;
        var asked = snapshot.Commands.Where(command => commandCriteria.All(command.Carries)).ToArray();
        if (asked.Length == 0)
        {
            return RoutingResult.None($"No command carries all of {Quote(commandCriteria)}.");
        }
        var active = asked.Where(command => command.Status == CatalogStatus.Active).ToArray();
        if (active.Length == 0)
        {
            return RoutingResult.None($"The commands that carry {Quote(commandCriteria)} are inactive: {Quote(asked.Select(command => command.Id))}.");
        }
        var allowed = active.Where(command => command.Allows(user)).ToArray();
        if (allowed.Length == 0)
        {
            return RoutingResult.Forbidden($"User '{user}' may not use the commands that carry {Quote(commandCriteria)}.");
        }
        return Pair(snapshot, allowed, clusterCriteria);
    }

    private RoutingResult Pair(CatalogSnapshot snapshot, Command[] commands, IReadOnlyCollection<string> clusterCriteria)
    {
        var pairs = commands
            .SelectMany(command => snapshot.Clusters
                .Where(cluster => clusterCriteria.All(cluster.Carries) && command.ClusterTags.All(cluster.Carries))
                .Select(cluster => (command, cluster)))
            .ToArray();
        if (pairs.Length == 0)
        {
            var clusterTags = commands.Select(command => $"{Quote(command.ClusterTags)} (command '{command.Id}')");
            return RoutingResult.None(
                $"No cluster carries all of the cluster criteria {Quote(clusterCriteria)} and the command's cluster tags {string.Join(" or ", clusterTags)}.");
        }
        var active = pairs.Where(pair => pair.cluster.Status == CatalogStatus.Active).ToArray();
        if (active.Length == 0)
        {
            return RoutingResult.None($"The clusters that match are inactive: {Quote(pairs.Select(pair => pair.cluster.Id).Distinct())}.");
        }
        var healthy = active.Where(pair => health.IsHealthy(pair.cluster.Id)).ToArray();
        if (healthy.Length == 0)
        {
            return RoutingResult.Unhealthy(
                $"The clusters that match did not answer their last health check: {Quote(active.Select(pair => pair.cluster.Id).Distinct())}.");
        }
        var (chosenCommand, chosenCluster) = healthy[Pick([.. healthy.Select(pair => pair.cluster.Weight)], Random.Shared)];
        return RoutingResult.Found(chosenCommand, chosenCluster);
    }

    /// <returns>The place of one of the weights, each as often as it weighs.</returns>
    internal static int Pick(IReadOnlyList<int> weights, Random random)
    {
        var ticket = random.NextInt64(weights.Sum(weight => (long)weight));
        var place = 0;
        while (ticket >= weights[place])
        {
            ticket -= weights[place++];
        }
        return place;
    }

    private static string Quote(IEnumerable<string> words) => $"[{string.Join(", ", words)}]";
}
