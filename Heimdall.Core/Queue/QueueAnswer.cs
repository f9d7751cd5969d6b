using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue;

/// <summary>What becomes of Hangfire's entry of a job when an attempt is over.</summary>
public enum QueueAnswer
{
    /// <summary>The job has ended: the entry shows its end.</summary>
    Ended,

    /// <summary>The job waits for its next attempt: the entry is scheduled.</summary>
    WaitsAgain,

    /// <summary>This process stops, and the job waits for another one: the entry is enqueued.</summary>
    HandedBack,

    /// <summary>A newer attempt has the job, and its runner changes the entry.</summary>
    BelongsToAnother,
}

/// <summary>How a runner answers the queue about one attempt.</summary>
public sealed record JobAnswer(QueueAnswer Answer)
{
    public static JobAnswer HandedBack { get; } = new(QueueAnswer.HandedBack);

    public static JobAnswer BelongsToAnother { get; } = new(QueueAnswer.BelongsToAnother);

    /// <summary>The job as it ended; null for the other answers.</summary>
    public Job? Job { get; private init; }

    /// <summary>How long the job waits for its next attempt.</summary>
    public TimeSpan Delay { get; private init; }

    /// <summary>Why it waits, for the dashboard.</summary>
    public string? Reason { get; private init; }

    public static JobAnswer Ended(Job job) => new(QueueAnswer.Ended) { Job = job };

    public static JobAnswer WaitsAgain(TimeSpan delay, string reason) =>
        new(QueueAnswer.WaitsAgain) { Delay = delay, Reason = reason };
}
