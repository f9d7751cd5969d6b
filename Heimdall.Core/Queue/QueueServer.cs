using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;

namespace Heimdall.Core.Queue;

/// <summary>The Hangfire server of a worker process, whose slots run the jobs that the claimer takes out of the queue.</summary>
public sealed class QueueServer(
    JobStorage storage, IJobFilterProvider filters, JobActivator activator, JobClaimer claimer, StoreReadiness readiness, WorkerConfig config)
    : BackgroundService
{
    /// <summary>What is left to roll back and hand back after the drain time is over.</summary>
    public static readonly TimeSpan CancelTime = TimeSpan.FromSeconds(8);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        var ticks = new Worker([RecurringJobs.QueueName], new BackgroundJobPerformer(filters, activator), new BackgroundJobStateChanger(filters));
        using var server = new BackgroundJobServer(Options(), storage, [ticks]);
        await claimer.RunAsync(stoppingToken);
        server.SendStop();
        await server.WaitForShutdownAsync(CancellationToken.None); // bounded by the options
    }

    private BackgroundJobServerOptions Options() => new()
    {
        ServerName = $"{Environment.MachineName}:{Environment.ProcessId}",
        Queues = [RowQueue.Name],
        WorkerCount = config.Concurrency,
        FilterProvider = filters,
        Activator = activator,
        // After SIGTERM running jobs may finish; by default they are cancelled at once.
        StopTimeout = config.DrainTimeout,
        // Then their tokens fire, and this is what they get to roll back; by default 15 s from the start.
        ShutdownTimeout = config.DrainTimeout + CancelTime,
        // Heimdall's own lease and notifications stop a job sooner; this only serves deletions from the dashboard.
        CancellationCheckInterval = TimeSpan.FromSeconds(5),
        // How late a job may be that waits to be tried again, and how late a schedule is looked at; by default 15 s.
        SchedulePollingInterval = TimeSpan.FromSeconds(1),
        // A worker that is gone leaves the dashboard's list after this; by default 5 minutes.
        ServerTimeout = TimeSpan.FromSeconds(30),
        HeartbeatInterval = TimeSpan.FromSeconds(10),
        ServerCheckInterval = TimeSpan.FromSeconds(30),
    };
}
