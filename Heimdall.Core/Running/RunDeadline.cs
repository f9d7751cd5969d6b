namespace Heimdall.Core.Running;

/// <summary>
/// The time that a run may take. A wait for this process does not count; a wait for the cluster does.
/// </summary>
internal sealed class RunDeadline : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _passed;
    private TimeSpan? _left;
    private long _since;
    private int _pauses;

    public RunDeadline(TimeProvider time) =>
        (_time, _passed) = (time, new CancellationTokenSource(Timeout.InfiniteTimeSpan, time));

    /// <summary>Fires when the time is up.</summary>
    public CancellationToken Token => _passed.Token;

    /// <summary>What the run may take in all; null for no limit.</summary>
    public TimeSpan? Limit { get; private set; }

    public bool HasPassed => _passed.IsCancellationRequested;

    public void Start(TimeSpan limit)
    {
        lock (_lock)
        {
            (Limit, _left) = (limit, limit);
            Run();
        }
    }

    /// <summary>Stops the clock until what is returned is disposed; of several, until the last.</summary>
    public IDisposable Pause()
    {
        lock (_lock)
        {
            if (_pauses++ == 0 && _left is { } left)
            {
                _left = left - _time.GetElapsedTime(_since);
                _passed.CancelAfter(Timeout.InfiniteTimeSpan);
            }
        }

        return new Pausing(this);
    }

    public void Dispose() => _passed.Dispose();

    private void Resume()
    {
        lock (_lock)
        {
            _pauses--;
            Run();
        }
    }

    private void Run()
    {
        if (_pauses == 0 && _left is { } left)
        {
            _since = _time.GetTimestamp();
            _passed.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
    }

    private sealed class Pausing(RunDeadline deadline) : IDisposable
    {
        private RunDeadline? _deadline = deadline;

        public void Dispose() => Interlocked.Exchange(ref _deadline, null)?.Resume();
    }
}
