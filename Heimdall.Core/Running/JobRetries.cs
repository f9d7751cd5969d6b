using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>
/// Gives a job another attempt when the last has failed in a way that passes, its command asks for it, and nothing can happen twice:
/// nothing of the attempt took effect, or the command is idempotent.
/// </summary>
internal sealed partial class JobRetries(
    JobStore jobs,
    JobClaims claims,
    JobAttempts attempts,
    LiveCatalog catalog,
    JobMetrics metrics,
    StoreRetry retry,
    ILogger<JobRetries> logger)
{
    /// <summary>Whether it has failed in a way that passes.</summary>
    public static bool MayRetry(AttemptOutcome outcome) => outcome is AttemptFailed { Failure.IsTransient: true };

    /// <returns>How long the job, which waits now, is to wait, and why; null when how the attempt ended is how the job ends.</returns>
    public async Task<(TimeSpan Delay, string Reason)?> TryAsync(Job job, AttemptOutcome outcome)
    {
        if (outcome is not AttemptFailed { Failure: { IsTransient: true } failure }
            || catalog.Current.FindCommandOfJob(job.CommandId) is not { MaxAttempts: > 1 } command
            || !(failure.IsUndone || command.Idempotent))
        {
            return null;
        }
        var failures = 1 + await retry.RunAsync(token => attempts.CountFailedAsync(job.Id, job.Attempt, token), CancellationToken.None);
        if (failures >= command.MaxAttempts)
        {
            return null;
        }
        var delay = BackOff.After(failures, Random.Shared.NextDouble());
        var detail = $"{(failure.IsUndone ? "Nothing of it took effect" : "Its command is idempotent")}: the job runs again after {delay.TotalSeconds:0.0} s, "
            + $"and may fail {command.MaxAttempts - failures - 1} more times before it has failed.";
        if (!await retry.RunAsync(token => WriteAsync(job, failure, delay, detail, token), CancellationToken.None))
        {
            return null;
        }
        metrics.Retried(job);
        LogWaits(job.Id, job.Attempt, failure.Kind, failure.SqlState ?? "no SQLSTATE", delay);
        return (delay, $"Attempt {job.Attempt} failed: {failure.ToLine()}");
    }

    private async Task<bool> WriteAsync(Job job, JobFailure failure, TimeSpan delay, string detail, CancellationToken cancellationToken)
    {
        if (await claims.RetryAsync(job.Id, job.Attempt, failure, delay, detail, cancellationToken))
        {
            return true;
        }
        // Or an earlier try has written it, whose answer was lost.
        return await jobs.FindAsync(job.Id, cancellationToken) is { Status: JobStatus.Accepted } found && found.Attempt == job.Attempt;
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId}: attempt {Attempt} failed ({Kind}, {SqlState}); it runs again after {Delay}")]
    private partial void LogWaits(Guid jobId, int attempt, JobFailureKind kind, string sqlState, TimeSpan delay);
}
