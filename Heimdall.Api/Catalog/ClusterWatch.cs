using Heimdall.Core.Catalog;
using Heimdall.Core.Database;

namespace Heimdall.Api.Catalog;

/// <summary>Probes the active clusters now and then, so that jobs are not sent to one that is down.</summary>
internal sealed class ClusterWatch(LiveCatalog catalog, ClusterProber prober, StoreReadiness readiness) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval);
        do
        {
            await Task.WhenAll(catalog.Current.Clusters
                .Where(cluster => cluster.Status == CatalogStatus.Active)
                .Select(cluster => prober.ProbeAsync(cluster, stoppingToken)));
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
