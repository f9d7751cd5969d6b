using Heimdall.Core.Jobs;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Queue;

/// <summary>
/// Jobs that wait for more than their turn. Those whose time to be started is over are ended, and those whose
/// predecessors have ended get in line or are cancelled. Hangfire's entries follow.
/// </summary>
internal sealed partial class UnstartedJobs(
    JobClaims claims, JobPredecessors predecessors, JobStore jobs, JobMetrics metrics, QueueEntries entries,
    ILogger<UnstartedJobs> logger)
{
    /// <summary>Ends jobs that were not started by their <c>start_before</c>.</summary>
    public async Task ExpireAsync(CancellationToken cancellationToken)
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

    /// <summary>Ends jobs that nobody has approved in time.</summary>
    public async Task ExpireApprovalsAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Job> expired;
        do
        {
            expired = await claims.ExpireApprovalsAsync(cancellationToken);
            foreach (var job in expired)
            {
                LogUnapproved(job.Id, job.Status.ToName());
                await entries.TryCloseAsync(job.Id, cancellationToken);
            }
        }
        while (expired.Count > 0);
    }

    /// <summary>Releases jobs that have waited for others, or cancels them.</summary>
    public async Task ResolveAsync(CancellationToken cancellationToken)
    {
        for (var more = true; more;)
        {
            (var canceled, more) = await predecessors.ResolveAsync(cancellationToken);
            foreach (var id in canceled)
            {
                LogCanceled(id);
                await entries.TryCloseAsync(id, cancellationToken);
                await metrics.CountEndAsync(jobs, id, cancellationToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended KILLED: not started by its start_before")]
    private partial void LogExpired(Guid jobId);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}: nobody approved it in time")]
    private partial void LogUnapproved(Guid jobId, string status);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended CANCELED: a job before it has not ended as it was to end")]
    private partial void LogCanceled(Guid jobId);
}
