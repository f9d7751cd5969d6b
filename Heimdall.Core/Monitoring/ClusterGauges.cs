using System.Diagnostics.Metrics;
using Heimdall.Core.Catalog;
using Heimdall.Core.Telemetry;

namespace Heimdall.Core.Monitoring;

/// <summary>What the last probe of each active cluster said, in the process that probes them.</summary>
internal sealed class ClusterGauges
{
    /// <summary>Clusters can be made over REST.</summary>
    private const int MostClusters = 200;

    private readonly LiveCatalog _catalog;
    private readonly ClusterHealthBoard _board;

    public ClusterGauges(Meter meter, LiveCatalog catalog, ClusterHealthBoard board)
    {
        (_catalog, _board) = (catalog, board);
        meter.CreateObservableGauge(
            "heimdall.cluster.healthy", () => Probed(health => health.Healthy ? 1 : 0), unit: null,
            "Whether the last probe of the cluster was answered.");
        meter.CreateObservableGauge(
            "heimdall.cluster.probe.duration", () => Probed(health => health.Latency.TotalSeconds), "s",
            "How long the last probe of the cluster took.");
    }

    public static IEnumerable<Cluster> ActiveIn(LiveCatalog catalog) =>
        catalog.Current.Clusters.Where(cluster => cluster.Status == CatalogStatus.Active);

    private IEnumerable<Measurement<T>> Probed<T>(Func<ClusterHealth, T> value)
        where T : struct
    {
        foreach (var cluster in ActiveIn(_catalog).Take(MostClusters))
        {
            if (_board.Last(cluster.Id) is { } health)
            {
                yield return new(value(health), new KeyValuePair<string, object?>(JobTags.OfCluster, cluster.Id));
            }
        }
    }
}
