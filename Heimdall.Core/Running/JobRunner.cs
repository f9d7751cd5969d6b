using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>Runs claimed jobs: <see cref="JobRun"/> → answer the queue.</summary>
internal sealed partial class JobRunner(
    ClaimedJobs claimed,
    JobClaims claims,
    ResultStore results,
    JobRun run,
    JobRetries retries,
    Leases leases,
    DrainDeadline drain,
    UrgentStop urgent,
    HeimdallConfig config,
    ILogger<JobRunner> logger)
    : IJobRunner
{
    /// <summary>How much later than we Hangfire may find that the drain time is over.</summary>
    private static readonly TimeSpan QueueDelay = TimeSpan.FromSeconds(1);

    /// <summary>Runs a job that this process has claimed.</summary>
    /// <remarks>
    /// Hangfire's token ends no attempt: it fires too when the state of Hangfire's entry has been changed, although the attempt's lease is good.
    /// </remarks>
    public async Task RunAsync(Guid jobId, CancellationToken cancellationToken)
    {
        var job = claimed.Begin(jobId).Job;
        try
        {
            AnswerQueue(await RunQueuedAsync(job, drain.Token));
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

    private async Task<Job?> RunQueuedAsync(Job job, CancellationToken stopping)
    {
        LogStarted(job.Id, job.Attempt, job.CommandId, job.ClusterId);
        // until its end is written: nobody must take over what has come to its end
        using var attempt = leases.Begin(job);
        await using var stored = job.ReturnResult && config.Results.Enabled
            ? new StoredResultWriter(results, new ResultKey(job.Id, job.Attempt), config.Results.Directory, config.Results.MaxBytes)
            : null;
        var rows = job.ReturnResult ? stored ?? (IResultWriter)new NullResultWriter() : null;
        var ended = await run.ExecuteAsync(attempt, plan: null, rows, stopping, callerGone: CancellationToken.None);
        if (JobRetries.MayRetry(ended.Outcome))
        {
            await run.SaveLogAsync(job, ended.Log);
            if (await retries.TryAsync(job, ended.Outcome) is var (delay, reason))
            {
                throw new JobWaitsAgainException(delay, reason);
            }
            ended = ended with { Log = [] };
        }
        var settled = await run.SettleAsync(attempt, ended);
        return ended.Outcome switch
        {
            AttemptPostponed later when !stopping.IsCancellationRequested =>
                throw new JobWaitsAgainException(later.After, later.Detail!),
            // Hangfire puts it back into its queue
            AttemptHandedBack or AttemptPostponed => throw new OperationCanceledException(stopping),
            _ => settled ?? await FindNewerAsync(job),
        };
    }

    /// <summary>
    /// Also when the attempt ended in another way: the newer one ends its session, which may be noticed before the lost
    /// lease is.
    /// </summary>
    private async Task<Job?> FindNewerAsync(Job job)
    {
        LogLost(job.Id, job.Attempt);
        return await StoreRetry.RunAsync(token => claims.FindAsync(job.Id, token), CancellationToken.None);
    }

    /// <summary>Hangfire shows what was recorded.</summary>
    private static void AnswerQueue(Job? job)
    {
        if (job is not null && !job.Status.IsFinal())
        {
            throw new JobBelongsToAnotherException();
        }
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
}
