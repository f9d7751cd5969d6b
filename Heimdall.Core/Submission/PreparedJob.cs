using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>A job that has been read and routed, and is not recorded yet.</summary>
/// <param name="Job">As it will be recorded.</param>
/// <param name="Plan">What its plugin read in it.</param>
public sealed record PreparedJob(Job Job, JobPlan Plan)
{
    /// <summary>Of a job for all clusters: one for each of them, in the order in which they begin.</summary>
    public IReadOnlyList<Job> Children { get; init; } = [];

    /// <summary>How much the contexts of these take.</summary>
    public long ContextBytes { get; init; }

    /// <summary>All that is recorded of it.</summary>
    public IReadOnlyList<Job> All => WithChildren(Job);

    /// <summary>The same after the parent was changed.</summary>
    public IReadOnlyList<Job> WithChildren(Job job) =>
    [
        job,
        .. Children.Select(child => child with
        {
            After = job.After, ScheduleId = job.ScheduleId, PlannedAt = job.PlannedAt,
        }),
    ];
}
