using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// One pool per cluster for the life of the process. When the way to a cluster changes, new jobs get a new pool, and
/// the old one is closed by the last job that uses it.
/// </summary>
internal sealed partial class ClusterConnections(ILogger<ClusterConnections> logger) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PoolEntry> _entries = new(StringComparer.Ordinal);

    /// <exception cref="JobFailedException">The cluster's connection string cannot be read.</exception>
    public PoolLease Rent(PluginCluster cluster)
    {
        var connectionString = ClusterSettings.ConnectionStringOf(cluster.Context);
        var pooler = ClusterSettings.PoolerOf(cluster.Context);
        PoolEntry entry;
        PoolEntry? replaced = null;
        lock (_lock)
        {
            if (!_entries.TryGetValue(cluster.Id, out entry!) || entry.ConnectionString != connectionString
                || entry.Pool.Pooler != pooler || entry.IsPut != cluster.IsPut)
            {
                var pool = Create(cluster, connectionString, pooler, warning => LogUntested(cluster.Id, warning));
                replaced = entry;
                entry = new PoolEntry(connectionString, cluster.IsPut, pool);
                _entries[cluster.Id] = entry;
            }

            entry.Users++;
        }

        if (replaced is not null)
        {
            _ = ReleaseAsync(replaced).AsTask();
        }

        return new PoolLease(entry.Pool, () => ReleaseAsync(entry));
    }

    public async ValueTask DisposeAsync()
    {
        PoolEntry[] entries;
        lock (_lock)
        {
            entries = [.. _entries.Values];
            _entries.Clear();
        }

        foreach (var entry in entries)
        {
            await ReleaseAsync(entry);
        }
    }

    private static ClusterPool Create(
        PluginCluster cluster, string connectionString, PoolerMode? pooler, Action<string> warn)
    {
        try
        {
            return ClusterPool.Create($"cluster {cluster.Id}", connectionString, pooler, warn, cluster.IsPut);
        }
        catch (ConnectionStringException e)
        {
            throw new JobFailedException(
                JobFailureKind.Unavailable, $"The connection string of the cluster cannot be used. {e.Message}", e);
        }
    }

    private async ValueTask ReleaseAsync(PoolEntry entry)
    {
        bool isLast;
        lock (_lock)
        {
            isLast = --entry.Users == 0;
        }

        if (isLast)
        {
            await entry.Pool.DisposeAsync();
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "The server of cluster {Cluster} is newer than this version of Heimdall. {Warning}")]
    private partial void LogUntested(string cluster, string warning);

    /// <param name="connectionString">As it stands in the cluster's context.</param>
    /// <param name="isPut">Whether somebody has sent it.</param>
    /// <param name="pool">What it opened.</param>
    private sealed class PoolEntry(string connectionString, bool isPut, ClusterPool pool)
    {
        public bool IsPut { get; } = isPut;

        public string ConnectionString { get; } = connectionString;

        public ClusterPool Pool { get; } = pool;

        /// <summary>The jobs that use the pool, and one for being the current pool of its cluster.</summary>
        public int Users { get; set; } = 1;
    }
}
