namespace Heimdall.Core.Jobs;

/// <summary>One attempt to run a job, as it is stored.</summary>
public sealed record JobAttempt
{
    /// <summary>What an attempt is called whose process died.</summary>
    public const string Lost = "LOST";

    /// <summary>What one is called that left the job to the next.</summary>
    public const string HandedBack = "HANDED BACK";

    /// <summary>From 1.</summary>
    public required int Number { get; init; }

    /// <summary>Host name and process id.</summary>
    public required string Worker { get; init; }

    public required DateTime StartedAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    /// <summary>A final status of a job, or <c>HANDED BACK</c> or <c>LOST</c>; null while it is not known to have ended.</summary>
    public string? Outcome { get; init; }

    public string? Error { get; init; }

    public string? SqlState { get; init; }

    /// <summary>What there is to say of its end beside the error.</summary>
    public string? Detail { get; init; }

    /// <summary>What it left for who comes after it: the plugin's to read.</summary>
    public string? Evidence { get; init; }
}
