namespace Heimdall.Core.Plugins;

/// <summary>What a plugin read from a job's context and its command's. A plugin may derive from it, to keep what running the job needs.</summary>
public record JobPlan
{
    /// <summary>True for one query whose rows are the result; false for a batch.</summary>
    public required bool ReturnResult { get; init; }

    /// <summary>True of a query that by its words only reads: should its record be lost, nothing has happened that somebody must know of.</summary>
    public bool OnlyReads { get; init; }

    /// <summary>How long the job may run before it is stopped; null for no limit.</summary>
    public TimeSpan? Timeout { get; init; }
}
