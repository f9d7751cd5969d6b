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
    JobClaims claims,
    ResultStore results,
    JobRun run,
    JobRetries retries,
    Leases leases,
    JobMetrics metrics,
    DrainDeadline drain,
    UrgentStop urgent,
    StoreRetry retry,
    HeimdallConfig config,
    ILogger<JobRunner> logger)
    : IClaimedJobRunner
{
    /// <summary>How much later than we Hangfire may find that the drain time is over.</summary>
    private static readonly TimeSpan QueueDelay = TimeSpan.FromSeconds(1);

    /// <remarks>
    /// Hangfire's token ends no attempt: it fires too when the state of Hangfire's entry has been changed, although the
    /// attempt's lease is good.
    /// </remarks>
    public async Task<JobAnswer> RunAsync(Job job, CancellationToken queueStopped)
    {
        var answer = await RunAsync(job);
        if (answer.Answer == QueueAnswer.HandedBack && !urgent.Token.IsCancellationRequested)
        {
            // Hangfire, which stops too, may take its entry back by itself.
            await Task.Delay(QueueDelay, queueStopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return answer;
    }

    private async Task<JobAnswer> RunAsync(Job job)
    {
        using var activity = RunActivity.Start(job, logger);
        LogStarted(job.Id, job.Attempt, job.CommandId, job.ClusterId);
        metrics.Started(job);
        // Its lease lives until its end is written: nobody must take over what has come to its end.
        using var attempt = leases.Begin(job);
        await using var stored = job.ReturnResult && config.Results.Enabled ? StoredRowsOf(job) : null;
        var rows = job.ReturnResult ? stored ?? (IResultWriter)new NullResultWriter() : null;
        var ended = await run.ExecuteAsync(
            attempt, plan: null, rows, activity, drain.Token, callerGone: CancellationToken.None);
        if (JobRetries.MayRetry(ended.Outcome))
        {
            await run.SaveLogAsync(job, ended.Log);
            if (await retries.TryAsync(job, ended.Outcome) is var (delay, reason))
            {
                return JobAnswer.WaitsAgain(delay, reason);
            }
            ended = ended with { Log = [] };
        }
        var settled = await run.SettleAsync(attempt, ended);
        return ended.Outcome switch
        {
            AttemptPostponed later when !drain.Token.IsCancellationRequested =>
                JobAnswer.WaitsAgain(later.After, later.Detail!),
            AttemptHandedBack or AttemptPostponed => JobAnswer.HandedBack,
            _ => settled is null ? await AnswerOfNewerAsync(job) : JobAnswer.Ended(settled),
        };
    }

    private StoredResultWriter StoredRowsOf(Job job) =>
        new(results, new ResultKey(job.Id, job.Attempt), config.Results.Directory, config.Results.MaxBytes);

    /// <summary>
    /// Also when the attempt ended in another way: the newer one ends its session, which may be noticed before the lost
    /// lease is.
    /// </summary>
    private async Task<JobAnswer> AnswerOfNewerAsync(Job job)
    {
        LogLost(job.Id, job.Attempt);
        var newer = await retry.RunAsync(token => claims.FindAsync(job.Id, token), CancellationToken.None);
        return newer is not null && newer.Status.IsFinal() ? JobAnswer.Ended(newer) : JobAnswer.BelongsToAnother;
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} started, attempt {Attempt}, command {Command}, cluster {Cluster}")]
    private partial void LogStarted(Guid jobId, int attempt, string command, string cluster);

    [LoggerMessage(LogLevel.Warning, "Job {JobId} belongs to a newer attempt; what attempt {Attempt} made of it is not recorded")]
    private partial void LogLost(Guid jobId, int attempt);
}
