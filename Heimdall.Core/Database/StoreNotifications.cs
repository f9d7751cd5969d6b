using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Hears what other processes announce through PostgreSQL's NOTIFY, on one connection a process. An announcement is a
/// hint to look, never the message itself: after a lost connection every listener is told to look once.
/// </summary>
public sealed partial class StoreNotifications(StoreDatabase database, StoreReadiness readiness, ILogger<StoreNotifications> logger)
    : BackgroundService
{
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Action<string>> _listeners = new(StringComparer.Ordinal);

    private long? _lastAway;

    /// <summary>Whether the store could not be heard at some moment of the last time: then others may not have been able to say that they live.</summary>
    public bool HasBeenAway(TimeSpan within) => _lastAway is { } away && Stopwatch.GetElapsedTime(away) < within;

    /// <summary>
    /// Registers the listener of a channel, before the host starts. It gets the payload, or "" when something may have
    /// been missed; it must return at once.
    /// </summary>
    public void Listen(string channel, Action<string> listener) => _listeners.AddOrUpdate(channel, listener, (_, earlier) => earlier + listener);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is NpgsqlException or IOException or TimeoutException)
            {
                _lastAway = Stopwatch.GetTimestamp();
                LogDisconnected(exception.Message);
                database.DropIdle();
                await Task.Delay(ReconnectDelay, stoppingToken);
            }
        }
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Lifeline.OpenConnectionAsync(cancellationToken);
        connection.Notification += (_, notification) => Tell(notification.Channel, notification.Payload);
        foreach (var channel in _listeners.Keys)
        {
            await using var listen = new NpgsqlCommand($"listen \"{channel}\"", connection);
            await listen.ExecuteNonQueryAsync(cancellationToken);
        }
        foreach (var channel in _listeners.Keys)
        {
            Tell(channel, "");
        }
        while (true)
        {
            await connection.WaitAsync(cancellationToken);
        }
    }

    private void Tell(string channel, string payload)
    {
        if (_listeners.TryGetValue(channel, out var listener))
        {
            listener(payload);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Not listening to the store, trying again: {Reason}")]
    private partial void LogDisconnected(string reason);
}
