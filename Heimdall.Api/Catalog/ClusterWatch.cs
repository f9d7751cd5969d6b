using System.Diagnostics;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Secrets;

namespace Heimdall.Api.Catalog;

/// <summary>
/// Probes the active clusters now and then, so that jobs are not sent to one that is down; and one that is down more
/// often, so that jobs are soon sent there again.
/// </summary>
internal sealed class ClusterWatch(
    LiveCatalog catalog, ClusterProber prober, ClusterHealthBoard board, StoreReadiness readiness) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan IntervalWhileDown = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(IntervalWhileDown);
        long? probed = null;
        var known = new Dictionary<string, SealedText?>(StringComparer.Ordinal);
        do
        {
            var isTime = probed is not { } last || Stopwatch.GetElapsedTime(last) >= Interval;
            probed = isTime ? Stopwatch.GetTimestamp() : probed;
            await Task.WhenAll(catalog.Current.Clusters
                .Where(cluster => cluster.Status == CatalogStatus.Active
                    && (IsOther(cluster) || isTime || !board.IsHealthy(cluster.Id)))
                .Select(cluster => prober.ProbeAsync(cluster, stoppingToken)));
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));

        // What was just put is looked at now: nobody knows whether it answers.
        bool IsOther(Cluster cluster)
        {
            var before = known.GetValueOrDefault(cluster.Id);
            known[cluster.Id] = cluster.SealedContext;
            return before != cluster.SealedContext;
        }
    }
}
