namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>Keeps a pool alive while a job uses it, even after the cluster's connection string has changed.</summary>
internal sealed class PoolLease(ClusterPool pool, Func<ValueTask> release) : IAsyncDisposable
{
    private Func<ValueTask>? _release = release;

    public ClusterPool Pool { get; } = pool;

    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _release, null)?.Invoke() ?? ValueTask.CompletedTask;
}
