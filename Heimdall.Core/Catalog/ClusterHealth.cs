using System.Collections.Concurrent;

namespace Heimdall.Core.Catalog;

/// <summary>The result of a probe.</summary>
/// <param name="Healthy">Whether the cluster answered in time.</param>
/// <param name="Error">Why not; safe to show.</param>
/// <param name="Latency">How long the answer took.</param>
/// <param name="CheckedAt">When, in UTC.</param>
public sealed record ClusterHealth(bool Healthy, string? Error, TimeSpan Latency, DateTime CheckedAt);

/// <summary>What the last probe of each cluster said, as this process saw it. A cluster never probed is taken for healthy.</summary>
public sealed class ClusterHealthBoard
{
    private readonly ConcurrentDictionary<string, ClusterHealth> _last = new(StringComparer.Ordinal);

    public ClusterHealth? Last(string clusterId) => _last.GetValueOrDefault(clusterId);

    public bool IsHealthy(string clusterId) => Last(clusterId) is not { Healthy: false };

    /// <returns>Whether it is healthy and was not, or the other way round.</returns>
    public bool Set(string clusterId, ClusterHealth health)
    {
        var wasHealthy = true;
        _last.AddOrUpdate(
            clusterId,
            health,
            (_, before) =>
            {
                wasHealthy = before.Healthy;
                return health;
            });
        return wasHealthy != health.Healthy;
    }
}
