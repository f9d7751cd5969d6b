using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue;

/// <summary>Runs jobs that this process has claimed.</summary>
public interface IClaimedJobRunner
{
    /// <param name="job">As it was claimed.</param>
    /// <param name="queueStopped">Fires when Hangfire takes the job back by itself.</param>
    Task<JobAnswer> RunAsync(Job job, CancellationToken queueStopped);
}
