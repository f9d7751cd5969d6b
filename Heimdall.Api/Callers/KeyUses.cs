using System.Collections.Concurrent;
using System.Net;
using Heimdall.Core.Audit;

namespace Heimdall.Api.Callers;

/// <summary>
/// Notes when each key was last used. No request waits for it: what was used is written once in a while. A store that is
/// away or refuses gets it later, and nothing else suffers for it.
/// </summary>
internal sealed partial class KeyUses(KeyUseStore store, TimeProvider time, ILogger<KeyUses> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>A process that stops does not wait longer for a store that is away.</summary>
    private static readonly TimeSpan LastWait = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, (string User, long At, string? Address)> _used =
        new(StringComparer.Ordinal);

    /// <param name="key">The key that a request has.</param>
    /// <param name="address">Where the request comes from.</param>
    public void Note(KnownKey key, IPAddress? address) =>
        _used[key.Id] = (key.Config.User, time.GetTimestamp(), address?.ToString());

    /// <summary>Writes what was used since the last time.</summary>
    internal async Task WriteAsync(CancellationToken cancellationToken)
    {
        var noted = _used.ToArray();
        if (noted.Length == 0)
        {
            return;
        }
        await store.WriteAsync(
            [.. noted.Select(one => new KeyUse(
                one.Key, one.Value.User, time.GetElapsedTime(one.Value.At), one.Value.Address))],
            cancellationToken);
        foreach (var one in noted)
        {
            _used.TryRemove(one); // one that was used meanwhile stays
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LastWait);
        await TryWriteAsync(limit.Token);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryWriteAsync(stoppingToken);
        }
    }

    internal async Task TryWriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(cancellationToken);
        }
        catch (Exception exception)
        {
            LogLater(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Debug, "When keys were last used is noted later: {Reason}")]
    private partial void LogLater(string reason);
}
