using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Stops the query of a session, whatever it takes: a cancel request; if that is not enough, the end of its backend; and if not even
/// that is noticed, the end of the connection. Begins once, and ends when the query has.
/// </summary>
internal sealed class QueryStop(QuerySession session) : IAsyncDisposable
{
    private static readonly TimeSpan CancelPatience = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _over = new();
    private readonly Lock _lock = new();
    private Task _stopping = Task.CompletedTask;
    private bool _hasBegun;

    public void Begin()
    {
        lock (_lock)
        {
            if (!_hasBegun && !_over.IsCancellationRequested)
            {
                _hasBegun = true;
                _stopping = Task.Run(StopAsync);
            }
        }
    }

    /// <summary>Notes that the query has ended. When it returns, no cancel request is on its way that could meet a later statement.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _over.Cancel();
        }

        await _stopping;
        _over.Dispose();
    }

    private async Task StopAsync()
    {
        await session.Control.TryCancelAsync(_over.Token);
        if (await IsOverAfterAsync(CancelPatience))
        {
            return;
        }

        try
        {
            await session.Control.TerminateAsync();
        }
        catch (JobFailedException)
        {
            // The cluster is away, or the backend does not end: whoever waits for an answer of it must not wait any longer.
        }

        // What the backend has said last may still have to be read.
        if (!await IsOverAfterAsync(CancelPatience))
        {
            await session.Stream.DisposeAsync();
        }
    }

    private async Task<bool> IsOverAfterAsync(TimeSpan time)
    {
        await Task.Delay(time, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _over.IsCancellationRequested;
    }
}
