using System.Diagnostics;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Running;

/// <summary>A job that runs in this process, and the ways in which it can be told to stop.</summary>
internal sealed class RunningAttempt(Job job, Action<RunningAttempt> ended) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly long _begun = LeaseClock.Now;
    private long _renewed = LeaseClock.Now;

    /// <summary>As it was when the attempt began.</summary>
    public Job Job => job;

    public Guid JobId => job.Id;

    public int Attempt => job.Attempt;

    /// <summary>Fires when the owner cancels the job, or when the job has been given to somebody else.</summary>
    public CancellationToken StopToken => _stop.Token;

    /// <summary>How long ago it began here.</summary>
    public TimeSpan Age => LeaseClock.Since(_begun);

    /// <summary>How long ago its lease was renewed.</summary>
    public TimeSpan LeaseAge => LeaseClock.Since(Volatile.Read(ref _renewed));

    public bool IsCancelRequested { get; private set; }

    /// <summary>True once the store has said that the job belongs to a newer attempt.</summary>
    public bool IsLost { get; private set; }

    /// <summary>
    /// Whether the store, when it last answered, believed this process for at least so long: nobody else can have the
    /// job yet.
    /// </summary>
    public bool HasLease(TimeSpan lease) => !IsLost && LeaseClock.Since(Volatile.Read(ref _renewed)) < lease;

    /// <param name="asked">When the store was asked: it counts the lease from later on.</param>
    public void Renewed(long asked) => Volatile.Write(ref _renewed, asked);

    public void RequestCancel()
    {
        IsCancelRequested = true;
        Stop();
    }

    public void Lose()
    {
        IsLost = true;
        Stop();
    }

    public void Dispose()
    {
        ended(this);
        _stop.Dispose();
    }

    private void Stop()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself in this moment.
        }
    }
}

/// <summary>The clock by which a process measures its leases. It goes on while the process is frozen.</summary>
internal static class LeaseClock
{
    public static long Now => Stopwatch.GetTimestamp();

    public static TimeSpan Since(long time) => Stopwatch.GetElapsedTime(time);
}
