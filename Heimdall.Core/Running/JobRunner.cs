using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>Runs queued jobs: claim → execute → settle, or give it another attempt → tell the queue.</summary>
internal sealed partial class JobRunner(
    JobStore jobs,
    JobClaims claims,
    ResultStore results,
    AttemptExecutor executor,
    JobRetries retries,
    JobSettler settler,
    RunningJobs running,
    StoreNotifications notifications,
    DrainDeadline drain,
    UrgentStop urgent,
    HeimdallConfig config,
    ILogger<JobRunner> logger)
    : IJobRunner
{
    private static readonly TimeSpan ClaimInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>How much later than we Hangfire may find that the drain time is over.</summary>
    private static readonly TimeSpan QueueDelay = TimeSpan.FromSeconds(1);

    private TimeSpan Lease => config.Worker.Lease;

    /// <summary>A delivery from the queue. Delivery is at least once: a job that has ended, or that somebody runs, is not run again.</summary>
    /// <remarks>
    /// Hangfire's token ends the wait for a job that somebody else runs, and no attempt: it fires too when Hangfire has given the job to
    /// another worker, which it does when the store was away for longer than a lease, although the attempt's own lease is good.
    /// </remarks>
    public async Task RunAsync(Guid jobId, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, drain.Token);
        try
        {
            await RunToEndAsync(jobId, waiting.Token);
        }
        catch (OperationCanceledException) when (drain.Token.IsCancellationRequested)
        {
            if (!urgent.Token.IsCancellationRequested)
            {
                // What Hangfire itself takes back keeps its place in the queue.
                await Task.Delay(QueueDelay, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            if (!cancellationToken.IsCancellationRequested)
            {
                throw new JobHandedBackException();
            }
            throw;
        }
    }

    private async Task RunToEndAsync(Guid jobId, CancellationToken waiting)
    {
        Job? job;
        do
        {
            job = await ClaimAsync(jobId, waiting);
            if (job is not null && !job.Status.IsFinal())
            {
                job = await RunQueuedAsync(job, drain.Token);
            }
        }
        while (job is not null && !job.Status.IsFinal()); // a lost attempt waits for what the newer one makes of the job
        TellQueue(job);
    }

    private async Task<Job?> ClaimAsync(Guid jobId, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await StoreRetry.RunAsync(token => claims.StartAsync(jobId, RunnerName.OfThisProcess, Lease, token), cancellationToken) is { } started)
            {
                return started;
            }
            var job = await StoreRetry.RunAsync(token => jobs.FindAsync(jobId, token), cancellationToken);
            if (job is null || job.Status.IsFinal())
            {
                return job;
            }
            if (job.StartBefore is not null && await StoreRetry.RunAsync(token => claims.ExpireAsync(jobId, token), cancellationToken) is { } expired)
            {
                return expired;
            }
            // A store that was away has kept the living from renewing their leases, this process among them.
            if (!running.Contains(jobId) && !notifications.HasBeenAway(within: Lease)
                && await StoreRetry.RunAsync(token => claims.TakeOverAsync(jobId, job.Attempt, RunnerName.OfThisProcess, Lease, token), cancellationToken) is { } taken)
            {
                LogTakenOver(jobId, job.Attempt);
                return taken;
            }
            // Somebody else runs it and is alive. Returning would take the job out of the queue, and then nobody would
            // notice if he died: wait until the job has ended or his lease is over.
            await Task.Delay(ClaimInterval, cancellationToken);
        }
    }

    private async Task<Job?> RunQueuedAsync(Job job, CancellationToken stopping)
    {
        LogStarted(job.Id, job.Attempt, job.CommandId, job.ClusterId);
        using var attempt = running.Begin(job); // until its end is written: nobody must take over what has come to its end
        await using var stored = job.ReturnResult && config.Results.Enabled
            ? new StoredResultWriter(results, new ResultKey(job.Id, job.Attempt), config.Results.Directory, config.Results.MaxBytes)
            : null;
        var writer = job.ReturnResult ? stored ?? (IResultWriter)new NullResultWriter() : null;
        var (end, progress) = await executor.ExecuteAsync(attempt, plan: null, writer, stopping, callerGone: CancellationToken.None);
        if (stored is not null)
        {
            progress = progress with { Truncated = progress.Truncated is true || stored.IsFull, RowCount = stored.Rows };
        }
        if (end.IsHandedBack)
        {
            await StoreRetry.RunAsync(token => claims.HandBackAsync(job.Id, job.Attempt, end.Detail!, end.AskAgainAfter, token), CancellationToken.None);
            if (end.AskAgainAfter is { } pause && !stopping.IsCancellationRequested)
            {
                throw new JobWaitsAgainException(pause, end.Detail!);
            }
            throw new OperationCanceledException(stopping); // Hangfire puts it back into its queue
        }
        if (await retries.TryAsync(job, end) is var (delay, reason))
        {
            throw new JobWaitsAgainException(delay, reason);
        }
        if (await settler.SettleAsync(job, end, progress) is { } settled)
        {
            return settled;
        }
        // Also when the attempt ended in another way: the newer one ends its session, which may be noticed before the lost lease is.
        LogLost(job.Id, job.Attempt);
        return await StoreRetry.RunAsync(token => jobs.FindAsync(job.Id, token), CancellationToken.None);
    }

    /// <summary>Hangfire shows what we recorded, also when a job that has ended is delivered once more.</summary>
    private static void TellQueue(Job? job)
    {
        if (job?.Status is JobStatus.Canceled)
        {
            throw new JobEndedBadlyException(canceled: true, $"Canceled by {job.CanceledBy}.");
        }
        if (job?.Status is JobStatus.Failed or JobStatus.Killed)
        {
            throw new JobEndedBadlyException(canceled: false, job.Failure?.ToLine() ?? "It failed.");
        }
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} started, attempt {Attempt}, command {Command}, cluster {Cluster}")]
    private partial void LogStarted(Guid jobId, int attempt, string command, string cluster);

    [LoggerMessage(LogLevel.Warning, "Job {JobId} belongs to a newer attempt; what attempt {Attempt} made of it is not recorded")]
    private partial void LogLost(Guid jobId, int attempt);

    [LoggerMessage(LogLevel.Warning, "Job {JobId} taken over: the runner of attempt {Attempt} has not renewed its lease")]
    private partial void LogTakenOver(Guid jobId, int attempt);
}
