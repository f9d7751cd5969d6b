using Hangfire;

namespace Heimdall.Core.Queue;

/// <summary>
/// The one method that Hangfire stores by name. Its namespace, name and parameters are a wire contract: changing any of
/// them orphans the jobs already queued. Only the job's id crosses; no SQL, parameter or secret reaches Hangfire's tables.
/// </summary>
[AutomaticRetry(Attempts = 0)] // SQL is not idempotent; Hangfire would otherwise run a failed job ten more times.
public interface IJobRunner
{
    /// <summary>Runs a job that this process has claimed: <see cref="ClaimedJobs"/> has it.</summary>
    /// <returns>A task that ends when the job has succeeded.</returns>
    /// <exception cref="JobEndedBadlyException">The job has ended otherwise; it is recorded and must not be retried.</exception>
    /// <exception cref="JobWaitsAgainException">The attempt has failed, and the job waits for the next.</exception>
    /// <exception cref="JobBelongsToAnotherException">A newer attempt has the job.</exception>
    /// <exception cref="OperationCanceledException">The process stops and the job waits again.</exception>
    /// <exception cref="JobHandedBackException">The same, before Hangfire itself has asked for it.</exception>
    Task RunAsync(Guid jobId, CancellationToken cancellationToken);
}
