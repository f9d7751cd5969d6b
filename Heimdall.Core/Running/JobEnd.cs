using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>How an attempt ended.</summary>
internal sealed record JobEnd
{
    /// <summary>The job's final status; null when the job goes on without this attempt.</summary>
    public JobStatus? Status { get; private init; }

    public JobFailure? Failure { get; private init; }

    /// <summary>True when the job goes on with another attempt, because this process must stop or has found out nothing.</summary>
    public bool IsHandedBack { get; private init; }

    /// <summary>What there is to say of it beside the failure, for the attempt's record.</summary>
    public string? Detail { get; private init; }

    /// <summary>Of one that has found out nothing: after which time to ask again. The job does not wait in the queue meanwhile, for it may have been done.</summary>
    public TimeSpan? AskAgainAfter { get; private init; }

    /// <summary>The job waits again: this process must stop, and nothing of the attempt took effect.</summary>
    public static JobEnd HandedBack { get; } = new() { IsHandedBack = true, Detail = "Its worker was told to stop; nothing of it took effect." };

    /// <summary>A newer attempt has the job.</summary>
    public static JobEnd Lost { get; } = new();

    public static JobEnd Succeeded { get; } = new() { Status = JobStatus.Succeeded };

    public static JobEnd Canceled { get; } = new() { Status = JobStatus.Canceled };

    /// <summary>The job waits again, although a part of it has taken effect: doing that once more does no harm.</summary>
    /// <param name="effect">What took effect, as a sentence.</param>
    public static JobEnd HandedBackOnItsWay(string effect) =>
        HandedBack with { Detail = $"Its worker was told to stop. {effect} Its command is idempotent, so the job runs again." };

    /// <summary>What became of earlier attempts cannot be found out now.</summary>
    /// <param name="reason">Why, as a sentence.</param>
    /// <param name="askAgainAfter">When the next attempt may ask.</param>
    public static JobEnd Undecided(string reason, TimeSpan askAgainAfter) => new() { IsHandedBack = true, AskAgainAfter = askAgainAfter, Detail = $"It ran nothing. {reason}" };

    public static JobEnd Failed(JobFailure failure) => new() { Status = JobStatus.Failed, Failure = failure };

    public static JobEnd Killed(JobFailure failure) => new() { Status = JobStatus.Killed, Failure = failure };

    /// <param name="limit">The time limit that has passed.</param>
    /// <param name="effect">What the job did before, as a sentence.</param>
    public static JobEnd Killed(TimeSpan limit, string effect) => Killed(
        new JobFailure { Kind = JobFailureKind.TimedOut, Message = $"Stopped after {limit.TotalSeconds:0.###} s, its time limit. {effect}" });

    /// <summary>The same, of an attempt that has only found out how an earlier one ended.</summary>
    public JobEnd FoundOut() => this with { Detail = "It ran nothing: it found out what became of the attempts before it." };
}
