using Heimdall.Core.Audit;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;

namespace Heimdall.Core.Submission;

/// <summary>Stops jobs, waiting and running, queued and inline, from any process.</summary>
public sealed class JobCanceller(JobStore jobs, QueueEntries entries, JobMetrics metrics, AuditLog audit)
{
    /// <summary>
    /// A job that waits is cancelled at once; one that runs is told to stop, and ends as what really happens. So it is
    /// with the children of a parent, all at once.
    /// </summary>
    /// <returns>The job as it stands, and whether it could be (or already was being) stopped; null when there is no such job.</returns>
    public async Task<(Job Job, bool Stopping)?> CancelAsync(Guid id, string user, CancellationToken cancellationToken)
    {
        var stopped = await audit.InTransactionAsync(
            connection => JobStore.CancelAsync(connection, id, user, cancellationToken),
            found => found.Count > 0,
            cancellationToken);
        if (await jobs.FindAsync(id, cancellationToken) is not { } job)
        {
            return null;
        }
        if (stopped.TryGetValue(id, out var was) && was.IsUnstarted())
        {
            metrics.Ended(job, ran: null);
            await entries.TryCloseAsync(id, CancellationToken.None);
        }
        // The entries of children are closed by the keeper: nobody waits for a thousand of them.
        Guid[] children =
        [
            .. stopped.Where(one => one.Value.IsUnstarted() && one.Key != id).Select(one => one.Key),
        ];
        await metrics.CountEndsAsync(jobs, children, CancellationToken.None);
        return (job, stopped.Count > 0 || job.Status == JobStatus.Canceling);
    }
}
