using Hangfire;
using Hangfire.Client;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;

namespace Heimdall.Core.Queue;

/// <summary>The Hangfire server of a worker process, whose slots run the jobs that the claimer takes out of the queue.</summary>
public sealed class QueueServer(
    JobStorage storage, IJobFilterProvider filters, JobActivator activator, JobClaimer claimer, SteadyZones zones,
    DueChanges changes, StoreClock clock, StoreReadiness readiness, WorkerConfig config)
    : BackgroundService
{
    /// <summary>What is left to roll back and hand back after the drain time is over.</summary>
    public static readonly TimeSpan CancelTime = TimeSpan.FromSeconds(8);

    /// <summary>Hangfire's set of jobs in the state Scheduled.</summary>
    private const string DelayedKey = "schedule";

    /// <summary>Schedules are due at whole seconds; by default they are looked at every 15 s.</summary>
    private static readonly TimeSpan ScheduleInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How late the entry of a job that is tried again shows that it waits no more. The job's row decides when it is.
    /// </summary>
    private static readonly TimeSpan DelayedInterval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var server = new BackgroundProcessingServer(storage, Processes(), Properties(), Options());
        await claimer.RunAsync(stoppingToken);
        server.SendStop();
        await server.WaitForShutdownAsync(CancellationToken.None); // bounded by the options
    }

    /// <summary>
    /// Those of Hangfire's own server, of which the schedulers look for what is due before they take their locks, and a
    /// worker for the ticks of schedules.
    /// </summary>
    private IEnumerable<IBackgroundProcessDispatcherBuilder> Processes()
    {
        var performer = new BackgroundJobPerformer(filters, activator);
        var changer = new BackgroundJobStateChanger(filters);
        return
        [
            new Worker([RowQueue.Name], performer, changer).UseBackgroundPool(config.Concurrency),
            new Worker([RecurringJobs.QueueName], performer, changer).UseBackgroundPool(1),
            new DueScheduler(RecurringJobs.AllKey, ScheduleInterval, clock, new RecurringJobScheduler(
                new BackgroundJobFactory(filters), DueScheduler.Breath, zones, () => clock.Now),
                changes).UseBackgroundPool(1),
            new DueScheduler(DelayedKey, DelayedInterval, clock, new DelayedJobScheduler(
                DueScheduler.Breath, changer)).UseBackgroundPool(1),
        ];
    }

    /// <summary>What the dashboard shows of a server.</summary>
    private Dictionary<string, object> Properties() => new()
    {
        ["Queues"] = new[] { RowQueue.Name },
        ["WorkerCount"] = config.Concurrency,
    };

    private BackgroundProcessingServerOptions Options() => new()
    {
        ServerName = $"{Environment.MachineName}:{Environment.ProcessId}",
        // After SIGTERM running jobs may finish; by default they are cancelled at once.
        StopTimeout = config.DrainTimeout,
        // Then their tokens fire, and this is what they get to roll back; by default 15 s from the start.
        ShutdownTimeout = config.DrainTimeout + CancelTime,
        // Heimdall's own lease and notifications stop a job sooner; this only serves deletions from the dashboard.
        CancellationCheckInterval = TimeSpan.FromSeconds(5),
        // A worker that is gone leaves the dashboard's list after this; by default 5 minutes.
        ServerTimeout = TimeSpan.FromSeconds(30),
        HeartbeatInterval = TimeSpan.FromSeconds(10),
        ServerCheckInterval = TimeSpan.FromSeconds(30),
    };
}
