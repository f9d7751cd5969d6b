using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>How an attempt ended: one of the seven below, and nothing else.</summary>
internal abstract record AttemptOutcome
{
    private protected AttemptOutcome()
    {
    }

    /// <summary>What there is to say of it beside the failure, for the attempt's record.</summary>
    public string? Detail { get; init; }

    /// <returns>The same, of an attempt that has only found out how an earlier one ended.</returns>
    public AttemptOutcome FoundOut() =>
        this with { Detail = "It ran nothing: it found out what became of the attempts before it." };

    /// <returns>The job's final status; null when the job goes on without this attempt.</returns>
    public JobStatus? ToStatus() => this switch
    {
        AttemptSucceeded => JobStatus.Succeeded,
        AttemptFailed => JobStatus.Failed,
        AttemptCanceled => JobStatus.Canceled,
        AttemptKilled => JobStatus.Killed,
        _ => null,
    };

    public JobFailure? ToFailure() => this switch
    {
        AttemptFailed failed => failed.Failure,
        AttemptKilled killed => killed.Failure,
        _ => null,
    };
}

/// <summary>The work of the job took effect.</summary>
/// <param name="Attempt">The attempt whose work it was: an earlier one where its commit was found.</param>
internal sealed record AttemptSucceeded(int Attempt) : AttemptOutcome;

internal sealed record AttemptFailed(JobFailure Failure) : AttemptOutcome
{
    public static AttemptFailed With(JobFailureKind kind, string message) =>
        new(new JobFailure { Kind = kind, Message = message });
}

/// <summary>Stopped by its owner.</summary>
internal sealed record AttemptCanceled : AttemptOutcome;

/// <summary>Stopped by a deadline.</summary>
internal sealed record AttemptKilled(JobFailure Failure) : AttemptOutcome
{
    /// <param name="limit">The time limit that has passed.</param>
    /// <param name="effect">What the job did before, as a sentence.</param>
    public static AttemptKilled After(TimeSpan limit, string effect) => new(new JobFailure
    {
        Kind = JobFailureKind.TimedOut,
        Message = $"Stopped after {limit.TotalSeconds:0.###} s, its time limit. {effect}",
    });
}

/// <summary>
/// This process must stop, and the job waits again: nothing of the attempt took effect, or doing it once more does
/// no harm.
/// </summary>
internal sealed record AttemptHandedBack : AttemptOutcome
{
    private const string Stopped = "Its worker was told to stop";

    public static AttemptHandedBack Undone { get; } = new() { Detail = $"{Stopped}; nothing of it took effect." };

    /// <param name="effect">What took effect, as a sentence.</param>
    public static AttemptHandedBack Idempotent(string effect) =>
        new() { Detail = $"{Stopped}. {effect} Its command is idempotent, so the job runs again." };
}

/// <summary>
/// What became of earlier attempts cannot be found out now, or the job's secrets cannot be read here. The job does not
/// wait in the queue meanwhile, for it may have been done.
/// </summary>
/// <param name="After">When the next attempt may ask.</param>
internal sealed record AttemptPostponed(TimeSpan After) : AttemptOutcome
{
    /// <param name="reason">Why, as a sentence.</param>
    /// <param name="after">When the next attempt may ask.</param>
    public static AttemptPostponed Because(string reason, TimeSpan after) =>
        new(after) { Detail = $"It ran nothing. {reason}" };
}

/// <summary>A newer attempt has the job: this one has no say in it any more.</summary>
internal sealed record AttemptLost : AttemptOutcome;
