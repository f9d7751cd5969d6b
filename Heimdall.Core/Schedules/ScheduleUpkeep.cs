using System.Transactions;
using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>
/// What Hangfire does not call for: runs whose turn has come, pauses that are over, occurrences whose call was lost,
/// and history that grows old.
/// </summary>
internal sealed partial class ScheduleUpkeep(
    ScheduleStore schedules, ScheduleRunStore runs, ScheduleFirer firer, ILogger<ScheduleUpkeep> logger)
{
    private const int KeptRuns = 10_000;

    /// <summary>So many schedules are fired at one time: each is a transaction of its own, and mostly waits.</summary>
    private const int FiredAtOnce = 4;

    /// <summary>
    /// Looks once at all schedules that somebody must look at. One that cannot be fired keeps none of the others.
    /// </summary>
    /// <exception cref="NpgsqlException">The store is down.</exception>
    /// <exception cref="TransactionException">The same.</exception>
    public async Task FireForgottenAsync(CancellationToken cancellationToken)
    {
        var after = "";
        IReadOnlyList<string> forgotten;
        do
        {
            forgotten = await schedules.FindForgottenAsync(after, cancellationToken);
            var options = new ParallelOptions
            {
                MaxDegreeOfParallelism = FiredAtOnce,
                CancellationToken = cancellationToken,
            };
            await Parallel.ForEachAsync(forgotten, options, async (id, token) => await FireAsync(id, token));
            after = forgotten.Count > 0 ? forgotten[^1] : after;
        }
        while (forgotten.Count == ScheduleStore.ForgottenAtOnce);
    }

    /// <summary>Deletes history that nobody looks at any more.</summary>
    /// <returns>How many runs.</returns>
    public Task<long> TrimAsync(CancellationToken cancellationToken) => runs.TrimAsync(KeptRuns, cancellationToken);

    /// <summary>Deletes schedules that left the file long ago, with their history.</summary>
    /// <returns>How many.</returns>
    public Task<long> ForgetAsync(CancellationToken cancellationToken) =>
        schedules.ForgetRemovedAsync(RemovedSchedules.Kept, cancellationToken);

    private async Task FireAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            await firer.FireDueAsync(id, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && !StoreRetry.IsAway(exception))
        {
            LogNotFired(exception, id);
        }
    }

    [LoggerMessage(LogLevel.Error, "Schedule {Schedule} could not be fired")]
    private partial void LogNotFired(Exception exception, string schedule);
}
