using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Catalog;

/// <summary>How to reach each cluster. References to secrets are resolved each time, so a changed file or variable is seen.</summary>
public sealed class ClusterContexts(HeimdallConfig config)
{
    private readonly Dictionary<string, JsonObject> _contexts =
        config.Clusters.ToDictionary(cluster => cluster.Id ?? cluster.Name, cluster => cluster.Context, StringComparer.Ordinal);

    /// <summary>The ids of the clusters that this process knows.</summary>
    public IEnumerable<string> Ids => _contexts.Keys;

    /// <summary>As it is written: what stands for a secret is not resolved. Null when this process does not know the cluster.</summary>
    public JsonObject? FindWritten(string clusterId) => _contexts.GetValueOrDefault(clusterId);

    /// <exception cref="JobFailedException">This process does not know the cluster, or a secret cannot be read.</exception>
    public PluginCluster Resolve(string clusterId)
    {
        if (!_contexts.TryGetValue(clusterId, out var context))
        {
            throw new JobFailedException(
                JobFailureKind.Unavailable, $"Cluster '{clusterId}' is not in this process's configuration file.");
        }
        try
        {
            return new PluginCluster(clusterId, SecretReferences.ResolveAll(context));
        }
        catch (SecretReferenceException exception)
        {
            throw new JobFailedException(JobFailureKind.Unavailable, $"Cluster '{clusterId}' cannot be reached: {exception.Message}", exception);
        }
    }
}
