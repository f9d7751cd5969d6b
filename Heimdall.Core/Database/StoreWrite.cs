namespace Heimdall.Core.Database;

/// <summary>Something short to be written to the store, with the task of its caller.</summary>
/// <param name="isDurable">False when the flush to disk need not be waited for.</param>
public abstract class StoreWrite<TAnswer>(bool isDurable)
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int GivenUp = 2;

    private int _state = Waiting;

    public bool IsDurable { get; } = isDurable;

    /// <summary>Whether some milliseconds do not matter to its caller.</summary>
    public virtual bool CanWait => false;

    /// <summary>How large it is beyond the few bytes that each has.</summary>
    public virtual int Bytes => 0;

    internal TaskCompletionSource<TAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal bool IsGivenUp => Volatile.Read(ref _state) == GivenUp;

    /// <summary>Takes it to send it.</summary>
    /// <returns>False when its caller has given it up.</returns>
    internal bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) != GivenUp;

    /// <returns>True when it has not been sent, and never will be.</returns>
    internal bool TryGiveUp() => Interlocked.CompareExchange(ref _state, GivenUp, Waiting) != Taken;
}
