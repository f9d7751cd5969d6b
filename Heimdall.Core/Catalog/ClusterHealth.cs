using System.Collections.Concurrent;

namespace Heimdall.Core.Catalog;

/// <summary>The result of a probe.</summary>
/// <param name="Healthy">Whether the cluster answered in time.</param>
/// <param name="Error">Why not; safe to show.</param>
/// <param name="Latency">How long the answer took.</param>
/// <param name="CheckedAt">When, in UTC.</param>
/// <param name="Warnings">What its operator should know of it, in sentences that are safe to show.</param>
public sealed record ClusterHealth(
    bool Healthy, string? Error, TimeSpan Latency, DateTime CheckedAt, IReadOnlyList<string> Warnings);

/// <summary>What the last probe of each cluster said, as this process saw it. A cluster never probed is taken for healthy.</summary>
public sealed class ClusterHealthBoard
{
    private readonly ConcurrentDictionary<string, ClusterHealth> _last = new(StringComparer.Ordinal);

    public ClusterHealth? Last(string clusterId) => _last.GetValueOrDefault(clusterId);

    public bool IsHealthy(string clusterId) => Last(clusterId) is not { Healthy: false };

    /// <returns>What the probe before this one said; null of the first.</returns>
    public ClusterHealth? Set(string clusterId, ClusterHealth health)
    {
        ClusterHealth? last = null;
        _last.AddOrUpdate(
            clusterId,
            _ =>
            {
                last = null;
                return health;
            },
            (_, before) =>
            {
                last = before;
                return health;
            });
        return last;
    }
}
