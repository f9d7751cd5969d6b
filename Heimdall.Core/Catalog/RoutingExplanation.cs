namespace Heimdall.Core.Catalog;

/// <summary>What a job could get, and why each command and each cluster of the catalog is among it or not.</summary>
public sealed record RoutingExplanation
{
    /// <summary>Why there is no pair, in the words a submission would be refused with; null when there is one.</summary>
    public required string? Reason { get; init; }

    /// <summary>What one is chosen from; empty when there is none.</summary>
    public required IReadOnlyList<RoutingChance> Pairs { get; init; }

    public required IReadOnlyList<CommandVerdict> Commands { get; init; }

    public required IReadOnlyList<ClusterVerdict> Clusters { get; init; }
}

/// <param name="Command">How.</param>
/// <param name="Cluster">Where.</param>
/// <param name="Probability">How often the pair is chosen; those of all pairs add up to 1.</param>
public sealed record RoutingChance(Command Command, Cluster Cluster, double Probability);

/// <param name="Command">One of the catalog.</param>
/// <param name="Loss">Why it is in no pair; null when it is in one.</param>
public sealed record CommandVerdict(Command Command, string? Loss);

/// <param name="Cluster">One of the catalog.</param>
/// <param name="Loss">Why it is in no pair; null when it is in one.</param>
public sealed record ClusterVerdict(Cluster Cluster, string? Loss);
