using Heimdall.Core.Audit;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;

namespace Heimdall.Core.Submission;

/// <summary>Stops jobs, waiting and running, queued and inline, from any process.</summary>
public sealed class JobCanceller(JobStore jobs, QueueEntries entries, JobMetrics metrics, AuditLog audit)
{
    /// <summary>A job that waits is cancelled at once; one that runs is told to stop, and ends as what really happens.</summary>
    /// <returns>The job as it stands, and whether it could be (or already was being) stopped; null when there is no such job.</returns>
    public async Task<(Job Job, bool Stopping)?> CancelAsync(Guid id, string user, CancellationToken cancellationToken)
    {
        var was = await audit.InTransactionAsync(
            connection => JobStore.CancelAsync(connection, id, user, cancellationToken),
            found => found is not null,
            cancellationToken);
        if (await jobs.FindAsync(id, cancellationToken) is not { } job)
        {
            return null;
        }
        if (was == JobStatus.Accepted)
        {
            metrics.Ended(job, ran: null);
            await entries.TryCloseAsync(id, CancellationToken.None);
        }
        return (job, was is not null || job.Status == JobStatus.Canceling);
    }
}
