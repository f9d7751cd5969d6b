using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;
using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>
/// How to reach each cluster: as it was put over REST, and else as this process's file says. References to secrets are
/// resolved each time, so a changed file or variable is seen.
/// </summary>
public sealed class ClusterContexts(HeimdallConfig config, LiveCatalog catalog, SecretBox box)
{
    private readonly Dictionary<string, JsonObject> _ofFile =
        config.Clusters.ToDictionary(cluster => cluster.Id ?? cluster.Name, cluster => cluster.Context, StringComparer.Ordinal);

    /// <summary>What was opened last of each cluster that was put.</summary>
    private readonly ConcurrentDictionary<string, (SealedText Sealed, JsonObject Context)> _opened =
        new(StringComparer.Ordinal);

    /// <summary>The ids of the clusters that this process knows.</summary>
    public IEnumerable<string> Ids => _ofFile.Keys.Union(
        catalog.Current.Clusters.Where(cluster => cluster.SealedContext is not null).Select(cluster => cluster.Id));

    /// <summary>As it is written: what stands for a secret is not resolved. Null when this process does not know the cluster.</summary>
    public JsonObject? FindWritten(string clusterId)
    {
        try
        {
            return Find(clusterId)?.Context;
        }
        catch (JobFailedException)
        {
            return []; // it is known, and its probe says what is wrong
        }
    }

    /// <exception cref="JobFailedException">This process does not know the cluster, or a secret cannot be read.</exception>
    public PluginCluster Resolve(string clusterId)
    {
        var (context, isPut) = Find(clusterId) ?? throw new JobFailedException(
            JobFailureKind.Unavailable, $"Cluster '{clusterId}' is not in this process's configuration file.");
        try
        {
            return new PluginCluster(clusterId, SecretReferences.ResolveAll(context)) { IsPut = isPut };
        }
        catch (SecretReferenceException exception)
        {
            throw Unreadable($"Cluster '{clusterId}' cannot be reached: {exception.Message}", exception);
        }
    }

    /// <returns>Also whether it was put. Both are of one moment: what was put is reached in another way.</returns>
    /// <exception cref="JobFailedException">It was put, and cannot be opened.</exception>
    private (JsonObject Context, bool IsPut)? Find(string clusterId)
    {
        if (catalog.Current.FindCluster(clusterId)?.SealedContext is not { } seal)
        {
            return _ofFile.GetValueOrDefault(clusterId) is { } written ? (written, false) : null;
        }
        if (_opened.TryGetValue(clusterId, out var opened) && opened.Sealed == seal)
        {
            return (opened.Context, true);
        }
        try
        {
            var context = JsonNode.Parse(box.Open(seal))!.AsObject();
            _opened[clusterId] = (seal, context);
            return (context, true);
        }
        catch (SecretLostException lost)
        {
            throw Unreadable(
                $"The secret of cluster '{clusterId}' cannot be read. {lost.Message} Put the cluster again.", lost);
        }
        catch (NpgsqlException exception)
        {
            throw Unreadable(
                $"The secret of cluster '{clusterId}' cannot be read now: Heimdall's own database does not answer.",
                exception);
        }
    }

    private static JobFailedException Unreadable(string message, Exception cause) =>
        new(JobFailureKind.Unavailable, message, new ClusterUnreadableException(message, cause));
}
