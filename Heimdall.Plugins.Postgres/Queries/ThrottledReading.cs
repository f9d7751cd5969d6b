namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>The reading of one result under a <see cref="ResultReadThrottle"/>. A short result never waits.</summary>
/// <param name="throttle">Shared with other results.</param>
/// <param name="pauseDeadline">Stops the clock of the query while it waits for its turn; null where there is none.</param>
internal sealed class ThrottledReading(ResultReadThrottle throttle, Func<IDisposable>? pauseDeadline = null)
    : IDisposable
{
    /// <summary>Bytes that a result may have before it is a long one.</summary>
    private const int Short = 64 * 1024;

    /// <summary>Bytes after which others have their turn.</summary>
    private const int Enough = 512 * 1024;

    /// <summary>
    /// How long a turn is kept for a server that is at work on the next rows; a slow query must not keep the others
    /// waiting.
    /// </summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromMilliseconds(5);

    private long _read;
    private int _inTurn;
    private bool _isMine;

    /// <summary>Waits for the turn, if the result is a long one and has none.</summary>
    public async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        if (_isMine || _read < Short)
        {
            return;
        }

        var taken = throttle.TakeAsync(cancellationToken).AsTask();
        if (!taken.IsCompleted)
        {
            using var pause = pauseDeadline?.Invoke();
            await taken.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await taken;
        (_isMine, _inTurn) = (true, 0);
    }

    /// <summary>
    /// Waits for the next bytes of the result, and gives the turn up when they are long in coming or have become many.
    /// </summary>
    /// <returns>How many came.</returns>
    public async ValueTask<int> WaitAsync(ValueTask<int> reading)
    {
        int read;
        if (reading.IsCompleted || !_isMine)
        {
            read = await reading;
        }
        else
        {
            var task = reading.AsTask();
            await ((Task)task).WaitAsync(KeptFor).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!task.IsCompleted)
            {
                Leave();
            }

            read = await task;
        }

        _read += read;
        _inTurn += read;
        if (_isMine && _inTurn > Enough && throttle.IsAnybodyWaiting)
        {
            Leave();
        }

        return read;
    }

    public void Leave()
    {
        if (_isMine)
        {
            _isMine = false;
            throttle.Leave();
        }
    }

    public void Dispose() => Leave();
}
