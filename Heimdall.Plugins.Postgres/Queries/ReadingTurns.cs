namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Long results are read a few at a time, each for a while. A server's process whose rows are not read stands still: without turns, a hundred
/// long results would keep a hundred of them busy beside this process, and whatever else it has to answer would wait behind them all.
/// </summary>
internal sealed class ReadingTurns(int places) : IDisposable
{
    private readonly SemaphoreSlim _places = new(places);
    private int _waiting;

    /// <summary>Those of this process: as many as it has processors to read with.</summary>
    public static ReadingTurns OfProcess { get; } = new(Environment.ProcessorCount);

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
