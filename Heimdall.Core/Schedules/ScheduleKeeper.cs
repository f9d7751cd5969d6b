using System.Transactions;
using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Schedules;

/// <summary>
/// What Hangfire does not call for: runs whose turn has come, pauses that are over, occurrences whose call was lost, a list of recurring
/// jobs that somebody has changed by hand, and history that grows old. Whatever goes wrong is told and tried again; the worker goes on.
/// </summary>
internal sealed partial class ScheduleKeeper(
    ScheduleStore schedules, ScheduleRunStore runs, ScheduleFirer firer, ScheduleMirror mirror, StoreReadiness readiness, StoreClock clock,
    ILogger<ScheduleKeeper> logger)
    : BackgroundService
{
    /// <summary>For so long a schedule that has left the configuration file can come back.</summary>
    public static readonly TimeSpan KeptRemoved = TimeSpan.FromDays(30);

    private const int KeptRuns = 10_000;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RepairInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TrimInterval = TimeSpan.FromMinutes(10);

    /// <summary>In this time Hangfire has called.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    /// <summary>Looks once at all schedules that somebody must look at. One that cannot be fired keeps none of the others.</summary>
    /// <exception cref="NpgsqlException">The store is away.</exception>
    /// <exception cref="TransactionException">The same.</exception>
    internal async Task FireForgottenAsync(CancellationToken cancellationToken)
    {
        foreach (var id in await schedules.FindForgottenAsync(clock.GetUtcNow().UtcDateTime - Grace, cancellationToken))
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
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        await Task.WhenAll(
            EveryAsync(LookInterval, FireForgottenAsync, stoppingToken),
            EveryAsync(RepairInterval, mirror.RepairAsync, stoppingToken),
            EveryAsync(TrimInterval, TrimAsync, stoppingToken));
    }

    private async Task TrimAsync(CancellationToken cancellationToken)
    {
        await runs.TrimAsync(KeptRuns, cancellationToken);
        await schedules.ForgetRemovedAsync(clock.GetUtcNow().UtcDateTime - KeptRemoved, cancellationToken);
    }

    private async Task EveryAsync(TimeSpan interval, Func<CancellationToken, Task> lookAsync, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(interval);
        do
        {
            try
            {
                await lookAsync(cancellationToken);
            }
            catch (Exception exception) when (StoreRetry.IsAway(exception))
            {
                LogPostponed(exception.Message);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                LogFailed(exception);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    [LoggerMessage(LogLevel.Warning, "Schedules are looked after later: {Reason}")]
    private partial void LogPostponed(string reason);

    [LoggerMessage(LogLevel.Error, "Schedules could not be looked after")]
    private partial void LogFailed(Exception exception);

    [LoggerMessage(LogLevel.Error, "Schedule {Schedule} could not be fired")]
    private partial void LogNotFired(Exception exception, string schedule);
}
