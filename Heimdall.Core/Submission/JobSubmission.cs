using System.Text.Json.Nodes;

namespace Heimdall.Core.Submission;

/// <summary>What a caller asks for.</summary>
public sealed record JobSubmission
{
    public required string Name { get; init; }

    public required string Version { get; init; }

    public string Description { get; init; } = "";

    public IReadOnlyList<string> Tags { get; init; } = [];

    public required IReadOnlyList<string> CommandCriteria { get; init; }

    public required IReadOnlyList<string> ClusterCriteria { get; init; }

    public required JsonObject Context { get; init; }

    /// <summary>When it is too late to start the job.</summary>
    public DateTime? StartBefore { get; init; }

    public required string User { get; init; }
}
