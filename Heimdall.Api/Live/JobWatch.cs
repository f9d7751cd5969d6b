using Heimdall.Core.Jobs;

namespace Heimdall.Api.Live;

/// <summary>What is known of a job that somebody watches.</summary>
internal sealed class JobWatch
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = NewChange();
    private JobNews? _latest;
    private bool _isGone;

    /// <summary>How many watch it; touched by <see cref="JobWatcher"/> under its lock.</summary>
    public int Watchers { get; set; }

    /// <summary>Whether it has been looked at once.</summary>
    public bool IsKnown
    {
        get
        {
            lock (_lock)
            {
                return _latest is not null || _isGone;
            }
        }
    }

    /// <param name="news">What was read; null when there is no such job any more.</param>
    public void Tell(JobNews? news)
    {
        lock (_lock)
        {
            if (news == _latest && news is not null)
            {
                return;
            }
            (_latest, _isGone) = (news, news is null);
            var changed = _changed;
            _changed = NewChange();
            changed.SetResult();
        }
    }

    /// <summary>What is known, and how to wait until that is something else.</summary>
    public (JobNews? News, bool IsGone, Task Changed) Look()
    {
        lock (_lock)
        {
            return (_latest, _isGone, _changed.Task);
        }
    }

    private static TaskCompletionSource NewChange() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
