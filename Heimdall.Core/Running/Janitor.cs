using System.Collections.Concurrent;
using System.Transactions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// What no job does for itself: records the end of inline queries whose process died and of jobs that were not started in time, has
/// Hangfire show the ends that it does not show yet, and removes results that are expired or nobody's and idempotency keys that are old.
/// </summary>
internal sealed partial class Janitor(
    JobClaims claims,
    IdempotencyStore keys,
    ResultSweep results,
    IInlineRunner runner,
    QueueEntries entries,
    StoreNotifications notifications,
    StoreReadiness readiness,
    HeimdallConfig config,
    ILogger<Janitor> logger)
    : BackgroundService
{
    /// <summary>It reads a whole directory; only what a process that died has left can be in it.</summary>
    private static readonly TimeSpan OrphanInterval = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan KeyInterval = TimeSpan.FromMinutes(1);

    /// <summary>So long after each other the sweeps begin: those of one moment would each need a connection.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<Guid, bool> _recovering = new();

    private TimeSpan Lease => config.Worker.Lease;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        (TimeSpan Interval, Func<CancellationToken, Task> ClearUpAsync)[] sweeps =
        [
            (Lease, RecoverInlineAsync),
            (Lease, token => entries.CloseLeftAsync(3 * Lease, token)),
            (Lease, ExpireQueuedAsync),
            (Lease, results.DropAsync),
            (KeyInterval, token => keys.SweepAsync(config.Server.IdempotencyRetention, token)),
            (OrphanInterval, results.DeleteOrphansAsync),
        ];
        // The first to fail fails the service, and that is seen: the host stops.
        await await Task.WhenAny(sweeps.Select(
            (sweep, i) => EveryAsync(i * Apart, sweep.Interval, sweep.ClearUpAsync, stoppingToken)));
    }

    private async Task EveryAsync(
        TimeSpan first, TimeSpan interval, Func<CancellationToken, Task> clearUpAsync, CancellationToken cancellationToken)
    {
        await Task.Delay(first, cancellationToken);
        using var timer = new PeriodicTimer(interval);
        do
        {
            try
            {
                await clearUpAsync(cancellationToken);
            }
            catch (Exception exception) when (exception is NpgsqlException or TransactionException or IOException or UnauthorizedAccessException)
            {
                LogPostponed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>Not waited for: one whose cluster is away takes as long as that.</summary>
    private async Task RecoverInlineAsync(CancellationToken cancellationToken)
    {
        if (notifications.HasBeenAway(within: Lease))
        {
            return; // others may not have been able to say that they live
        }
        foreach (var id in await claims.FindDeadInlineAsync(Lease, cancellationToken))
        {
            if (_recovering.TryAdd(id, true))
            {
                _ = RecoverInlineAsync(id, cancellationToken);
            }
        }
    }

    private async Task RecoverInlineAsync(Guid id, CancellationToken cancellationToken)
    {
        try
        {
            await runner.RecoverAsync(id, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogPostponed(exception.Message); // the next round finds it once more
        }
        catch (OperationCanceledException)
        {
            // The next process looks after it.
        }
        finally
        {
            _recovering.TryRemove(id, out _);
        }
    }

    private async Task ExpireQueuedAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Job> expired;
        do
        {
            expired = await claims.ExpireAsync(cancellationToken);
            foreach (var job in expired)
            {
                LogExpired(job.Id);
                await entries.TryCloseAsync(job.Id, cancellationToken);
            }
        }
        while (expired.Count > 0);
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended KILLED: not started by its start_before")]
    private partial void LogExpired(Guid jobId);

    [LoggerMessage(LogLevel.Warning, "Clearing up is postponed: {Reason}")]
    private partial void LogPostponed(string reason);
}
