using System.Diagnostics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Hooks;

/// <summary>Delivers one message once, and records how that ended; and ends those that nobody delivers.</summary>
internal sealed partial class HookDelivery(
    HookOutbox outbox, HttpDelivery http, MailDelivery mail, HookMetrics metrics, StoreClock clock,
    HeimdallConfig config, ILogger<HookDelivery> logger)
{
    private const string Unwanted = "It was not sent: the receiver has answered 410, and wants no more messages. "
        + "Once it has taken a message that somebody has sent, or a test, it gets those that follow.";

    public async Task DeliverAsync(Receiver hook, HookMessage message, CancellationToken stopping)
    {
        var at = clock.GetUtcNow().UtcDateTime;
        if (message.IsUnwanted)
        {
            var unsent = new DeliveryAttempt { Number = message.Attempt, At = at, IsFinal = true, Error = Unwanted };
            await outbox.EndAsync(message, unsent, DeliveryStatus.Dead, TimeSpan.Zero);
            metrics.Died(hook.Id);
            LogUnwanted(message.Id, hook.Id);
            return;
        }
        var begun = Stopwatch.GetTimestamp();
        DeliveryAttempt attempt;
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping))
        {
            limit.CancelAfter(config.Hooks.Timeout);
            try
            {
                attempt = hook.Config.Kind == HookConfig.Mail
                    ? await mail.SendAsync(hook, message, limit.Token)
                    : await http.SendAsync(hook, message, limit.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                await GiveBackAsync(message);
                return;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                // Of this hook only: the message is tried again, and given up in the end, as after any failure.
                LogBroken(exception, message.Id, hook.Id);
                attempt = new DeliveryAttempt { Error = "Heimdall could not send it; its log says why." };
            }
            catch (OperationCanceledException)
            {
                attempt = new DeliveryAttempt
                {
                    Error = $"The receiver did not answer within {config.Hooks.Timeout.TotalSeconds:0.###} s.",
                };
            }
        }
        await EndAsync(hook, message, attempt with
        {
            Number = message.Attempt,
            At = at,
            Milliseconds = (long)Stopwatch.GetElapsedTime(begun).TotalMilliseconds,
        });
    }

    /// <summary>Ends messages whose hook no living process has had for long.</summary>
    public async Task GiveUpLeftAsync(CancellationToken cancellationToken)
    {
        foreach (var (message, hook) in await outbox.GiveUpAsync(cancellationToken))
        {
            metrics.Died(hook);
            LogLeft(message, hook);
        }
    }

    private async Task EndAsync(Receiver hook, HookMessage message, DeliveryAttempt attempt)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var left = message.GiveUpAt - now;
        var status = attempt.IsDelivered ? DeliveryStatus.Delivered
            : attempt.IsFinal || left <= TimeSpan.Zero ? DeliveryStatus.Dead
            : DeliveryStatus.Pending;
        var pause = status == DeliveryStatus.Pending
            ? RetryPause.After(
                config.Hooks.RetryAfter, message.InARow, attempt.RetryAfter, left, Random.Shared.NextDouble())
            : TimeSpan.Zero;
        await outbox.EndAsync(message, attempt, status, pause);
        metrics.Tried(hook.Id, attempt.IsDelivered);
        switch (status)
        {
            case DeliveryStatus.Delivered:
                metrics.Delivered(hook.Id, now - message.CreatedAt);
                break;
            case DeliveryStatus.Dead:
                metrics.Died(hook.Id);
                LogDead(message.Id, hook.Id, message.Attempt, attempt.Error!);
                break;
            default:
                LogFailed(message.Id, hook.Id, message.Attempt, attempt.Error!, pause.TotalSeconds);
                break;
        }
    }

    private async Task GiveBackAsync(HookMessage message)
    {
        try
        {
            await outbox.ReleaseAsync(message);
        }
        catch (NpgsqlException)
        {
            // then another process finds it when its time is over
        }
    }

    [LoggerMessage(
        LogLevel.Information,
        "Message {Message} to hook {Hook}: attempt {Attempt} failed: {Reason} The next one is in {Seconds:0} s")]
    private partial void LogFailed(Guid message, string hook, int attempt, string reason, double seconds);

    [LoggerMessage(LogLevel.Information, "Message {Message} to hook {Hook} is given up: the receiver is gone")]
    private partial void LogUnwanted(Guid message, string hook);

    [LoggerMessage(LogLevel.Error, "Message {Message} to hook {Hook} could not be sent")]
    private partial void LogBroken(Exception exception, Guid message, string hook);

    [LoggerMessage(LogLevel.Warning, "Message {Message} to hook {Hook} is given up: no process has that hook")]
    private partial void LogLeft(Guid message, string hook);

    [LoggerMessage(LogLevel.Warning, "Message {Message} to hook {Hook} is given up after attempt {Attempt}: {Reason}")]
    private partial void LogDead(Guid message, string hook, int attempt, string reason);
}
