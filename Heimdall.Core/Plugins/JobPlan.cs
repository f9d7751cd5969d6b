namespace Heimdall.Core.Plugins;

/// <summary>What a plugin read from a job's context and its command's. A plugin may derive from it, to keep what running the job needs.</summary>
public record JobPlan
{
    /// <summary>True for one query whose rows are the result; false for a batch.</summary>
    public required bool ReturnResult { get; init; }

    /// <summary>How long the job may run before it is stopped; null for no limit.</summary>
    public TimeSpan? Timeout { get; init; }
}
