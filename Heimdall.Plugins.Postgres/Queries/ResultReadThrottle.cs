namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Limits how many long results are read at once, so that short requests stay fast. A backend whose rows are not read
/// blocks when its socket is full, and so leaves the processors to others.
/// </summary>
internal sealed class ResultReadThrottle(int places) : IDisposable
{
    private readonly SemaphoreSlim _places = new(places);
    private int _waiting;

    /// <summary>Those of this process: as many as it has processors to read with.</summary>
    public static ResultReadThrottle OfProcess { get; } = new(Environment.ProcessorCount);

    public bool IsAnybodyWaiting => Volatile.Read(ref _waiting) > 0;

    public async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        if (_places.Wait(0, CancellationToken.None))
        {
            return;
        }

        Interlocked.Increment(ref _waiting);
        try
        {
            await _places.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Leave() => _places.Release();

    public void Dispose() => _places.Dispose();
}
