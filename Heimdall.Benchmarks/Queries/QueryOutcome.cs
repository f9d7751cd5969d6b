namespace Heimdall.Benchmarks.Queries;

/// <summary>What came out of a row.</summary>
/// <param name="Measured">Heimdall's figure.</param>
/// <param name="IsMet">Whether the goal is; null where there is none, or nothing could be measured.</param>
internal sealed record QueryOutcome(string Measured, bool? IsMet)
{
    /// <summary>The other's figure; null where there is none.</summary>
    public string? Rival { get; init; }

    /// <summary>Heimdall's over the other's.</summary>
    public double? Ratio { get; init; }

    public IReadOnlyList<TransferSeries> Transfers { get; init; } = [];

    public IReadOnlyList<LoadSeries> Loads { get; init; } = [];
}
