using System.Diagnostics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Catalog;

/// <summary>Asks clusters for a sign of life, in bounded time, and notes the answer for the router.</summary>
public sealed partial class ClusterProber(
    LiveCatalog catalog,
    PluginCatalog plugins,
    ClusterContexts contexts,
    ClusterHealthBoard board,
    HeimdallConfig config,
    TimeProvider time,
    ILogger<ClusterProber> logger)
{
    public async Task<ClusterHealth> ProbeAsync(Cluster cluster, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var error = await FindErrorAsync(cluster, cancellationToken);
        var health = new ClusterHealth(error is null, error, Stopwatch.GetElapsedTime(started), time.GetUtcNow().UtcDateTime);
        // Of a cluster that only others know this process cannot say that it is down.
        if (contexts.FindWritten(cluster.Id) is not null && board.Set(cluster.Id, health))
        {
            LogHealth(cluster.Id, error);
        }

        return health;
    }

    private async Task<string?> FindErrorAsync(Cluster cluster, CancellationToken cancellationToken)
    {
        var plugin = catalog.Current.Commands
            .Where(command => command.ClusterTags.All(cluster.Carries))
            .Select(command => plugins.Find(command.Plugin))
            .FirstOrDefault();
        if (plugin is null)
        {
            return "No command can run on this cluster, so no plugin knows how to probe it.";
        }
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(config.Server.HealthTimeout);
        try
        {
            // The plugin is asked to stop in time, and not trusted to: a probe never outlives its limit.
            var context = contexts.Resolve(cluster.Id);
            await plugin.ProbeAsync(context, deadline.Token).WaitAsync(deadline.Token);
            return null;
        }
        catch (JobFailedException exception)
        {
            return exception.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"No answer within {config.Server.HealthTimeout.TotalSeconds:0.###} s.";
        }
    }

    private void LogHealth(string cluster, string? error)
    {
        if (error is null)
        {
            LogClusterUp(cluster);
        }
        else
        {
            LogClusterDown(cluster, error);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Cluster {Cluster} is down: {Reason}")]
    private partial void LogClusterDown(string cluster, string reason);

    [LoggerMessage(LogLevel.Information, "Cluster {Cluster} is up again")]
    private partial void LogClusterUp(string cluster);
}
