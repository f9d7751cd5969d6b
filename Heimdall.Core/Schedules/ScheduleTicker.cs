using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>What Hangfire calls when an occurrence is due.</summary>
internal sealed partial class ScheduleTicker(ScheduleFirer firer, QueueDelivery delivery, ILogger<ScheduleTicker> logger) : IScheduleTicker
{
    public Task TickAsync(string scheduleId, CancellationToken cancellationToken) => EndTruthfullyAsync(
        scheduleId,
        async () =>
        {
            if (await firer.FireDueAsync(scheduleId, cancellationToken) is { } problem)
            {
                throw new JobEndedBadlyException(problem);
            }
        },
        "The store is away. What is due is fired when it is back.",
        cancellationToken);

    public Task TriggerAsync(string scheduleId, CancellationToken cancellationToken) => EndTruthfullyAsync(
        scheduleId,
        async () =>
        {
            // A worker that is killed may have fired it already: Hangfire then delivers the call once more.
            var request = new RunRequest(delivery.PressedBy ?? DashboardUser.Unknown, delivery.Key);
            var run = (await firer.TriggerAsync(scheduleId, request, cancellationToken))?.Run;
            if (run is not { Outcome: RunOutcome.Fired or RunOutcome.Waiting })
            {
                throw new JobEndedBadlyException(run?.Reason ?? "There is no such schedule any more.");
            }
        },
        "The store went away. Whether there is a run its history says when it is back.",
        cancellationToken);

    private async Task EndTruthfullyAsync(string scheduleId, Func<Task> fireAsync, string whenAway, CancellationToken cancellationToken)
    {
        try
        {
            await fireAsync();
        }
        catch (Exception exception) when (StoreRetry.IsAway(exception))
        {
            throw new JobEndedBadlyException(whenAway);
        }
        catch (Exception exception) when (exception is not JobEndedBadlyException && !cancellationToken.IsCancellationRequested)
        {
            LogNotFired(exception, scheduleId);
            throw new JobEndedBadlyException(
                "The schedule could not be fired; the worker's log says why. What is due is tried again.");
        }
    }

    [LoggerMessage(LogLevel.Error, "Schedule {Schedule} could not be fired")]
    private partial void LogNotFired(Exception exception, string schedule);
}
