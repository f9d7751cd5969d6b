using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Queue;

/// <summary>
/// Which jobs this process can run: its own configuration has their cluster and their command, and it has the command's
/// plugin.
/// </summary>
public sealed class JobReach(HeimdallConfig config, LiveCatalog catalog, PluginCatalog plugins)
{
    /// <summary>The ids of the clusters.</summary>
    public string[] Clusters { get; } =
    [
        .. config.Clusters.Where(cluster => cluster.Carries(config.Worker.ClusterTags)).Select(cluster => cluster.Id ?? cluster.Name),
    ];

    /// <summary>The ids of the commands.</summary>
    public string[] Commands =>
    [
        .. config.Commands.Select(command => command.Id ?? command.Name)
            .Where(id => catalog.Current.FindCommandOfJob(id) is { } command
                && plugins.Find(command.Plugin) is not null),
    ];

    public bool Covers(JobLane lane) =>
        Clusters.Contains(lane.ClusterId, StringComparer.Ordinal) && Commands.Contains(lane.CommandId, StringComparer.Ordinal);
}
