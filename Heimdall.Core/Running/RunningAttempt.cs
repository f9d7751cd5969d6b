using Heimdall.Core.Jobs;

namespace Heimdall.Core.Running;

/// <summary>A job that runs in this process, and the ways in which it can be told to stop.</summary>
internal sealed class RunningAttempt(Job job, Action<RunningAttempt> ended) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>As it was when the attempt began.</summary>
    public Job Job => job;

    public Guid JobId => job.Id;

    public int Attempt => job.Attempt;

    /// <summary>Fires when the owner cancels the job, or when the job has been given to somebody else.</summary>
    public CancellationToken StopToken => _stop.Token;

    public bool IsCancelRequested { get; private set; }

    /// <summary>True once the store has said that the job belongs to a newer attempt.</summary>
    public bool IsLost { get; private set; }

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
