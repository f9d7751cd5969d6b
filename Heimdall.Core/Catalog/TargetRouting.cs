using System.Diagnostics.CodeAnalysis;

namespace Heimdall.Core.Catalog;

/// <summary>The clusters that a job for all of them runs on, or why there is none.</summary>
public sealed record TargetRouting
{
    public RoutingResult? Refusal { get; init; }

    public Command? Command { get; init; }

    /// <summary>In the order of their ids.</summary>
    public IReadOnlyList<JobTarget> Targets { get; init; } = [];

    /// <summary>Clusters that carry the criteria and are no targets.</summary>
    public IReadOnlyList<ClusterVerdict> LeftOut { get; init; } = [];

    [MemberNotNullWhen(true, nameof(Command))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsFound => Refusal is null;
}

/// <param name="Cluster">One of those that match.</param>
/// <param name="IsHealthy">Whether it answered its last health check.</param>
public sealed record JobTarget(Cluster Cluster, bool IsHealthy);
