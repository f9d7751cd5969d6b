using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>What Hangfire calls when an occurrence is due.</summary>
internal sealed class ScheduleTicker(ScheduleFirer firer) : IScheduleTicker
{
    public Task TickAsync(string scheduleId, CancellationToken cancellationToken) =>
        WhileStoreIsThereAsync(() => firer.FireDueAsync(scheduleId, cancellationToken), "The store is away. What is due is fired when it is back.");

    public Task TriggerAsync(string scheduleId, CancellationToken cancellationToken) => WhileStoreIsThereAsync(
        async () =>
        {
            var run = await firer.TriggerAsync(scheduleId, "dashboard", cancellationToken);
            if (run is not { Outcome: RunOutcome.Fired or RunOutcome.Waiting })
            {
                throw new JobEndedBadlyException(canceled: false, run?.Reason ?? "There is no such schedule any more.");
            }
        },
        "The store is away. Nothing was run.");

    private static async Task WhileStoreIsThereAsync(Func<Task> doAsync, string orElse)
    {
        try
        {
            await doAsync();
        }
        catch (NpgsqlException exception) when (StoreRetry.IsAway(exception))
        {
            throw new JobEndedBadlyException(canceled: false, orElse);
        }
    }
}
