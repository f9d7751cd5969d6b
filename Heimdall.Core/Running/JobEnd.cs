using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>How an attempt ended. A class, not a record: two ends without a status are not the same end.</summary>
internal sealed class JobEnd
{
    private JobEnd(JobStatus? status) => Status = status;

    /// <summary>The job's final status; null when the job goes on without this attempt.</summary>
    public JobStatus? Status { get; }

    public JobFailure? Failure { get; private init; }

    /// <summary>The job waits again: this process must stop, and nothing of the attempt took effect.</summary>
    public static JobEnd HandedBack { get; } = new(status: null);

    /// <summary>A newer attempt has the job.</summary>
    public static JobEnd Lost { get; } = new(status: null);

    public static JobEnd Succeeded { get; } = new(JobStatus.Succeeded);

    public static JobEnd Canceled { get; } = new(JobStatus.Canceled);

    public static JobEnd Failed(JobFailure failure) => new(JobStatus.Failed) { Failure = failure };

    public static JobEnd Killed(JobFailure failure) => new(JobStatus.Killed) { Failure = failure };

    /// <param name="limit">The time limit that has passed.</param>
    /// <param name="effect">What the job did before, as a sentence.</param>
    public static JobEnd Killed(TimeSpan limit, string effect) => Killed(
        new JobFailure { Kind = JobFailureKind.TimedOut, Message = $"Stopped after {limit.TotalSeconds:0.###} s, its time limit. {effect}" });
}
