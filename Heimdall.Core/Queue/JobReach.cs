using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Queue;

/// <summary>
/// Which jobs this process can run: their cluster and their command are in its own configuration or were put over REST,
/// and it has the command's plugin.
/// </summary>
public sealed class JobReach(HeimdallConfig config, LiveCatalog catalog, PluginCatalog plugins)
{
    private volatile Reached? _reached;

    /// <summary>The ids of the clusters.</summary>
    public string[] Clusters => Current().Clusters;

    /// <summary>The ids of the commands.</summary>
    public string[] Commands => Current().Commands;

    public bool Covers(JobLane lane)
    {
        var reached = Current();
        return reached.Clusters.Contains(lane.ClusterId, StringComparer.Ordinal)
            && reached.Commands.Contains(lane.CommandId, StringComparer.Ordinal);
    }

    /// <summary>As the catalog is now. It is asked for each lane, and changes seldom.</summary>
    private Reached Current()
    {
        var snapshot = catalog.Current;
        var reached = _reached;
        return reached is not null && ReferenceEquals(reached.Snapshot, snapshot)
            ? reached
            : _reached = Reach(snapshot);
    }

    private Reached Reach(CatalogSnapshot snapshot)
    {
        var put = snapshot.Clusters.Where(cluster => cluster.Put is not null).ToArray();
        string[] clusters =
        [
            .. config.Clusters.Where(cluster => cluster.Carries(config.Worker.ClusterTags))
                .Select(cluster => cluster.Id ?? cluster.Name)
                .Except(put.Select(cluster => cluster.Id)),
            .. put.Where(cluster => config.Worker.ClusterTags.All(cluster.Carries)).Select(cluster => cluster.Id),
        ];
        string[] commands =
        [
            .. config.Commands.Select(command => command.Id ?? command.Name)
                .Union(snapshot.Commands.Where(command => command.Put is not null).Select(command => command.Id))
                .Where(id => snapshot.FindCommandOfJob(id) is { } command && plugins.Find(command.Plugin) is not null),
        ];
        return new Reached(snapshot, clusters, commands);
    }

    private sealed record Reached(CatalogSnapshot Snapshot, string[] Clusters, string[] Commands);
}
