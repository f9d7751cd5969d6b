using Heimdall.Tests.Support;

namespace Heimdall.Tests.Chaos;

/// <summary>A worker whose way to the target is watched.</summary>
internal sealed class ChaosWorker : IAsyncDisposable
{
    private readonly HeimdallProcess _process;
    private readonly WatchingProxy _proxy;

    private ChaosWorker(HeimdallProcess process, WatchingProxy proxy) => (_process, _proxy) = (process, proxy);

    public static ChaosWorker Start(HeimdallInstance heimdall)
    {
        var proxy = new WatchingProxy(heimdall.Target.ConnectionString);
        return new ChaosWorker(heimdall.StartWorkerProcess(new KeyValuePair<string, string>(ChaosInstance.TargetPort, proxy.Port)), proxy);
    }

    /// <summary>Kills it a while after it has begun a batch.</summary>
    public async Task KillInBatchAsync(TimeSpan after, CancellationToken cancellationToken)
    {
        await _proxy.AmbushAsync(TransactionStep.Begin, MessageMoment.AfterAnswer, skip: 0, () => Task.FromResult(true), cancellationToken);
        await Task.Delay(after, cancellationToken);
        await _process.KillAsync(cancellationToken);
    }

    /// <summary>Kills it in the moment in which it commits a batch.</summary>
    /// <param name="moment">Where the COMMIT, or its answer, is.</param>
    /// <param name="spin">Waits so long, without giving up the processor.</param>
    /// <param name="cancellationToken">Ends the wait for a batch.</param>
    public Task KillAtCommitAsync(MessageMoment moment, TimeSpan spin, CancellationToken cancellationToken) =>
        _proxy.AmbushAsync(
            TransactionStep.Commit,
            moment,
            skip: 0,
            async () =>
            {
                var until = DateTime.UtcNow + spin;
                SpinWait.SpinUntil(() => DateTime.UtcNow >= until);
                await _process.KillAsync(CancellationToken.None);
                return false;
            },
            cancellationToken);

    /// <summary>Freezes it a while after it has begun a batch.</summary>
    public async Task FreezeInBatchAsync(TimeSpan after, TimeSpan time, CancellationToken cancellationToken)
    {
        await _proxy.AmbushAsync(TransactionStep.Begin, MessageMoment.AfterAnswer, skip: 0, () => Task.FromResult(true), cancellationToken);
        await Task.Delay(after, cancellationToken);
        await FreezeAsync(time, cancellationToken);
    }

    /// <summary>Freezes it when it has sent a COMMIT, or is to hear of it; the message is on its way for as long.</summary>
    public Task FreezeAtCommitAsync(MessageMoment moment, TimeSpan time, CancellationToken cancellationToken) =>
        _proxy.AmbushAsync(
            TransactionStep.Commit,
            moment,
            skip: 0,
            async () =>
            {
                await FreezeAsync(time, cancellationToken);
                return true;
            },
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _proxy.DisposeAsync();
    }

    private async Task FreezeAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        await _process.SignalAsync("STOP", cancellationToken);
        await Task.Delay(time, cancellationToken);
        await _process.SignalAsync("CONT", cancellationToken);
    }
}
