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
    Task RunAsync(Guid jobId, CancellationToken cancellationToken);
}
