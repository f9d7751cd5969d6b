using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Hooks;

/// <summary>
/// Delivers the messages to the hooks that this process's file has. Each hook has a lane of its own: one that is slow
/// or dead holds up no other.
/// </summary>
internal sealed partial class HookSender : BackgroundService
{
    /// <summary>An announcement comes at once; this finds what is to be tried again, and what was missed.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>So many jobs may end at once: one look finds the messages of all that ended within this time.</summary>
    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(50);

    private readonly HookOutbox _outbox;
    private readonly StoreReadiness _readiness;
    private readonly SemaphoreSlim _woken = new(0, 1);
    private readonly Dictionary<string, HookLane> _lanes;
    private readonly string[] _hooks;
    private readonly RepeatedLine _notLooked = new();
    private readonly ILogger<HookSender> _logger;

    public HookSender(
        HookBook book, HookOutbox outbox, HookDelivery delivery, StoreNotifications notifications,
        StoreReadiness readiness, ILogger<HookSender> logger)
    {
        _outbox = outbox;
        _readiness = readiness;
        _logger = logger;
        _lanes = book.All.ToDictionary(
            hook => hook.Id, hook => new HookLane(hook, outbox, delivery, LogLaneFailed), StringComparer.Ordinal);
        _hooks = [.. _lanes.Keys];
        if (_hooks.Length > 0)
        {
            notifications.Listen(HookOutbox.Channel, _ => Wake());
        }
    }

    public override void Dispose()
    {
        _woken.Dispose();
        foreach (var lane in _lanes.Values)
        {
            lane.Dispose();
        }
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_hooks.Length == 0)
        {
            return;
        }
        await _readiness.WaitAsync(stoppingToken);
        var lanes = _lanes.Values.Select(lane => lane.RunAsync(stoppingToken)).ToArray();
        try
        {
            while (true)
            {
                await LookAsync(stoppingToken);
                await Task.Delay(LookPause, stoppingToken);
                await _woken.WaitAsync(LookInterval, stoppingToken);
            }
        }
        finally
        {
            await Task.WhenAll(lanes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var hook in await _outbox.FindDueAsync(_hooks, cancellationToken))
            {
                _lanes[hook].Wake();
            }
            _notLooked.IsDue(null);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            if (_notLooked.IsDue(exception.Message))
            {
                LogNotLooked(exception.Message);
            }
        }
    }

    private void Wake()
    {
        try
        {
            _woken.Release();
        }
        catch (SemaphoreFullException)
        {
            // it is awake already
        }
        catch (ObjectDisposedException)
        {
            // the process stops
        }
    }

    [LoggerMessage(LogLevel.Warning, "The store could not be asked for messages to hooks: {Reason}")]
    private partial void LogNotLooked(string reason);

    [LoggerMessage(LogLevel.Warning, "Messages to hook {Hook} are not delivered for now: {Reason}")]
    private partial void LogLaneFailed(string hook, string reason);
}
