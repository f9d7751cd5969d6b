using System.Text.Json.Nodes;

namespace Heimdall.Core.Plugins;

/// <summary>One attempt to run a job, as a plugin sees it.</summary>
public sealed record PluginJob
{
    public required Guid Id { get; init; }

    /// <summary>1 for the first attempt.</summary>
    public required int Attempt { get; init; }

    public required PluginCluster TargetCluster { get; init; }

    /// <summary>Defaults and ceilings.</summary>
    public required JsonObject CommandContext { get; init; }

    /// <summary>What the caller asked for.</summary>
    public required JsonObject Context { get; init; }

    /// <summary>Where in its script a batch begins; null for the beginning.</summary>
    public ResumePoint? Resume { get; init; }

    /// <summary>
    /// Of a job that somebody has approved: what it may run. It fails before its first statement where a script or a
    /// file is another one; null where any content will do.
    /// </summary>
    public JobContent? Approved { get; init; }

    /// <summary>True of a query that runs within its request: it has one attempt, which leaves no evidence.</summary>
    public bool IsInline { get; init; }

    /// <summary>What the plugin planned for the job a moment ago, in this process; null when it must plan anew.</summary>
    public JobPlan? Plan { get; init; }

    /// <summary>
    /// Stops the clock of the job's deadline until what it returns is disposed: for the time in which the job waits for
    /// this process, and not for its cluster.
    /// </summary>
    public Func<IDisposable>? PauseDeadline { get; init; }

    /// <summary>
    /// The trace that the statements are to name to the cluster, as the W3C's <c>traceparent</c>; null for none.
    /// </summary>
    public string? Traceparent { get; init; }

    /// <summary>Where the rows go; null when the job is a batch.</summary>
    public IResultWriter? Results { get; init; }
}
