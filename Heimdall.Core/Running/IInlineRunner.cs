using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>Runs queries within a request, and clears up after processes that died while they did.</summary>
public interface IInlineRunner
{
    /// <summary>Records a query as running in this process.</summary>
    /// <param name="job">The job.</param>
    /// <param name="plan">What its plugin planned for it.</param>
    /// <param name="callerGone">Fires when nobody waits for the query any more.</param>
    /// <exception cref="TimeoutException">The store did not answer in time, and nothing was recorded.</exception>
    /// <exception cref="RecordInDoubtException">The store did not answer, and may have recorded it; the query must not be run.</exception>
    Task<Job> RecordAsync(Job job, JobPlan plan, CancellationToken callerGone);

    /// <summary>The same under an idempotency key.</summary>
    /// <returns>Null when the key is taken; then nothing is recorded.</returns>
    Task<Job?> RecordAsync(Job job, IdempotencyKey key, CancellationToken cancellationToken);

    /// <param name="job">The job, as it was recorded.</param>
    /// <param name="plan">What its plugin planned for it.</param>
    /// <param name="rows">Where the rows go.</param>
    /// <param name="callerGone">Fires when nobody waits for the rows any more: the query is then cancelled.</param>
    /// <returns>The job as its record says that it ended, also where another process has written that.</returns>
    Task<Job> RunAsync(Job job, JobPlan plan, IResultWriter rows, CancellationToken callerGone);

    /// <summary>Records the end of an inline query whose process died.</summary>
    Task RecoverAsync(Guid jobId, CancellationToken cancellationToken);
}
