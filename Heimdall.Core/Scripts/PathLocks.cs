namespace Heimdall.Core.Scripts;

/// <summary>A lock for each path. What nobody holds or waits for takes no memory.</summary>
internal sealed class PathLocks
{
    private readonly Dictionary<string, PathLock> _locks = new(StringComparer.Ordinal);

    /// <summary>How many paths somebody holds or waits for.</summary>
    public int Count
    {
        get
        {
            lock (_locks)
            {
                return _locks.Count;
            }
        }
    }

    /// <returns>What holds the lock until it is disposed.</returns>
    public async Task<IDisposable> EnterAsync(string path, CancellationToken cancellationToken)
    {
        PathLock? entered;
        lock (_locks)
        {
            if (!_locks.TryGetValue(path, out entered))
            {
                _locks.Add(path, entered = new PathLock(this, path));
            }
            entered.Users++;
        }
        try
        {
            await entered.Turn.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Leave(entered);
            throw;
        }
        return entered;
    }

    private void Leave(PathLock left)
    {
        lock (_locks)
        {
            if (--left.Users == 0)
            {
                _locks.Remove(left.Path);
                left.Turn.Dispose();
            }
        }
    }

    private sealed class PathLock(PathLocks locks, string path) : IDisposable
    {
        public string Path => path;

        public SemaphoreSlim Turn { get; } = new(1, 1);

        /// <summary>Those who hold it or wait for it.</summary>
        public int Users { get; set; }

        public void Dispose()
        {
            Turn.Release();
            locks.Leave(this);
        }
    }
}
