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
        var (error, warnings) = await AskAsync(cluster, cancellationToken);
        var health = new ClusterHealth(
            error is null, error, Stopwatch.GetElapsedTime(started), time.GetUtcNow().UtcDateTime,
            warnings ?? board.Last(cluster.Id)?.Warnings ?? []);
        if (contexts.FindWritten(cluster.Id) is null)
        {
            return health; // of a cluster that only others know this process cannot say that it is down
        }
        var before = board.Set(cluster.Id, health);
        if ((before?.Healthy ?? true) != health.Healthy)
        {
            LogHealth(cluster.Id, error);
        }
        foreach (var warning in health.Warnings.Except(before?.Warnings ?? []))
        {
            LogWarning(cluster.Id, warning);
        }

        return health;
    }

    /// <summary>The same without a note for the router.</summary>
    /// <returns>Why it cannot be used, or null.</returns>
    public async Task<string?> FindProblemAsync(Cluster cluster, CancellationToken cancellationToken) =>
        (await AskAsync(cluster, cancellationToken)).Error;

    /// <summary>Whether a command can run on it: then a plugin knows how to probe it.</summary>
    public bool CanProbe(Cluster cluster) => PluginOf(cluster) is not null;

    /// <summary>Null where no command can run on it.</summary>
    public IPlugin? PluginOf(Cluster cluster) => catalog.Current.Commands
        .Where(command => command.ClusterTags.All(cluster.Carries))
        .Select(command => plugins.Find(command.Plugin))
        .FirstOrDefault();

    /// <returns>Why it cannot be used, or null; and its warnings, null where they are not known.</returns>
    private async Task<(string? Error, IReadOnlyList<string>? Warnings)> AskAsync(
        Cluster cluster, CancellationToken cancellationToken)
    {
        if (PluginOf(cluster) is not { } plugin)
        {
            return ("No command can run on this cluster, so no plugin knows how to probe it.", null);
        }
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(config.Server.HealthTimeout);
        try
        {
            // The plugin is asked to stop in time, and not trusted to: a probe never outlives its limit.
            var context = contexts.Resolve(cluster.Id);
            return (null, await plugin.ProbeAsync(context, deadline.Token).WaitAsync(deadline.Token));
        }
        catch (JobFailedException exception)
        {
            return (exception.Message, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ($"No answer within {config.Server.HealthTimeout.TotalSeconds:0.###} s.", null);
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

    [LoggerMessage(LogLevel.Warning, "Cluster {Cluster}: {Warning}")]
    private partial void LogWarning(string cluster, string warning);

    [LoggerMessage(LogLevel.Information, "Cluster {Cluster} is up again")]
    private partial void LogClusterUp(string cluster);
}
