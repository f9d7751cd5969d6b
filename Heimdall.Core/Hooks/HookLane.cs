using Heimdall.Core.Database;

namespace Heimdall.Core.Hooks;

/// <summary>The messages to one hook, some of them at a time.</summary>
internal sealed class HookLane(
    Receiver hook, HookOutbox outbox, HookDelivery delivery, Action<string, string> reportFailure) : IDisposable
{
    private const int AtOnce = 8;

    private readonly SemaphoreSlim _woken = new(0, 1);
    private readonly List<Task> _running = [];
    private readonly RepeatedLine _failure = new();

    public void Dispose() => _woken.Dispose();

    /// <summary>There is something to deliver.</summary>
    public void Wake()
    {
        try
        {
            _woken.Release();
        }
        catch (SemaphoreFullException)
        {
            // it is awake already
        }
    }

    /// <summary>
    /// Until the process stops. What is under way then is given back, and sent again by another process.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await _woken.WaitAsync(stopping);
                await DeliverAsync(stopping);
            }
        }
        finally
        {
            await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task DeliverAsync(CancellationToken stopping)
    {
        try
        {
            int claimed;
            do
            {
                var room = await RoomAsync(stopping);
                var messages = await outbox.ClaimAsync(hook.Id, room, stopping);
                claimed = messages.Count;
                _running.AddRange(messages.Select(message => delivery.DeliverAsync(hook, message, stopping)));
            }
            while (claimed > 0);
            _failure.IsDue(null);
        }
        catch (Exception exception) when (!stopping.IsCancellationRequested)
        {
            Report(exception); // it is woken again while there is something to deliver
        }
    }

    private void Report(Exception exception)
    {
        if (_failure.IsDue(exception.Message))
        {
            reportFailure(hook.Id, exception.Message);
        }
    }

    /// <returns>How many more may be under way: at least one.</returns>
    private async Task<int> RoomAsync(CancellationToken stopping)
    {
        while (true)
        {
            foreach (var ended in _running.Where(one => one.IsCompleted).ToArray())
            {
                _running.Remove(ended);
                if (ended.Exception?.InnerException is { } exception)
                {
                    Report(exception);
                }
            }
            if (_running.Count < AtOnce)
            {
                return AtOnce - _running.Count;
            }
            await Task.WhenAny(_running).WaitAsync(stopping);
        }
    }
}
