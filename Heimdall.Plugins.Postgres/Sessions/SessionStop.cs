using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Protocol;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// Stops what a session runs, whatever it takes: a cancel request; if that is not enough, the end of its backend; and
/// if not even that is noticed, the end of the connection. Begins once, and ends when what it stops has ended.
/// </summary>
/// <param name="protocol">The session that is stopped.</param>
/// <param name="control">The way to its backend.</param>
/// <param name="mode">Where it begins.</param>
internal sealed class SessionStop(ProtocolSession protocol, BackendControl control, StopMode mode) : IAsyncDisposable
{
    /// <summary>
    /// How long a session that should be idle may take to answer, and a connection to show that its backend has ended.
    /// </summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan _cancelTimeout = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _over = new();
    private readonly Lock _lock = new();
    private Task _stopping = Task.CompletedTask;
    private Task _cutting = Task.CompletedTask;
    private bool _hasBegun;
    private bool _isDisposed;
    private volatile bool _hasCutShort;

    /// <summary>
    /// True once <see cref="CutShort"/> may have asked the statement to stop. What the statement does after that is
    /// undone.
    /// </summary>
    public bool HasCutShort => _hasCutShort;

    /// <summary>Begins when a token fires, until the registration is disposed.</summary>
    public CancellationTokenRegistration BeginOn(CancellationToken cancellationToken) =>
        cancellationToken.UnsafeRegister(state => ((SessionStop)state!).Begin(), this);

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

    /// <summary>
    /// Asks the statement to stop because nobody wants more of its rows, as long as nothing of it can have taken
    /// effect: that must not be undone. Called once.
    /// </summary>
    /// <param name="names">What the statement may use.</param>
    public void CutShort(UsedNames names)
    {
        lock (_lock)
        {
            if (!_hasBegun)
            {
                _cutting = Task.Run(() => CutShortAsync(names));
            }
        }
    }

    /// <summary>
    /// Notes the end of what is stopped. When it returns, no request is on its way that could meet a later statement.
    /// May be called again.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Task stopping;
        Task cutting;
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            _hasBegun = true; // from now on it is too late
            (stopping, cutting) = (_stopping, _cutting);
        }

        // Mostly nothing has begun: then nothing waits for this, and no other thread is needed to say so.
        if (!stopping.IsCompleted || !cutting.IsCompleted)
        {
            await _over.CancelAsync();
        }

        await stopping;
        await cutting;
        _over.Dispose();
    }

    private async Task StopAsync()
    {
        if (mode == StopMode.CancelFirst)
        {
            await control.TryCancelAsync(_over.Token);
            if (await IsOverAfterAsync(_cancelTimeout))
            {
                return;
            }
        }

        try
        {
            await control.TerminateAsync();
        }
        catch (JobFailedException)
        {
            // The cluster is away, or the backend does not end: a read that waits for its answer must not wait any
            // longer.
            protocol.Abort();
            return;
        }

        // What the backend has said last may still have to be read.
        if (!await IsOverAfterAsync(AnswerTimeout))
        {
            protocol.Abort();
        }
    }

    private async Task CutShortAsync(UsedNames names)
    {
        // The statement may have ended of the request before the answer to it is here: that is waited for.
        using var timeout = new CancellationTokenSource();
        await using var registration = _over.Token.UnsafeRegister(
            state => ((CancellationTokenSource)state!).CancelAfter(AnswerTimeout), timeout);

        // A statement may take no notice, and the cluster may be reached only later.
        var mayBeAsked = false;
        do
        {
            _hasCutShort = true; // before it is asked: the answer may be lost
            if (await control.TryCancelUnlessWrittenAsync(names, timeout.Token) == CutAnswer.HasWritten)
            {
                _hasCutShort = mayBeAsked;
                return;
            }

            mayBeAsked = true;
        }
        while (!await IsOverAfterAsync(_cancelTimeout));
    }

    private async Task<bool> IsOverAfterAsync(TimeSpan time)
    {
        await Task.Delay(time, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _over.IsCancellationRequested;
    }
}

/// <summary>How a session is stopped.</summary>
internal enum StopMode
{
    /// <summary>The statement is asked to stop, and the session lives on where that is enough.</summary>
    CancelFirst,

    /// <summary>The backend is ended at once: behind the statement it is at, others are on their way to it.</summary>
    TerminateNow,
}
