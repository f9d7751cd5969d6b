namespace Heimdall.Benchmarks.Contenders;

/// <summary>One run of a script.</summary>
internal sealed record TimedRun
{
    /// <summary>What counts.</summary>
    public required double Seconds { get; init; }

    /// <summary>What the caller of an API waited; null where there is none.</summary>
    public double? HttpSeconds { get; init; }

    /// <summary>The most memory that the client's process had; null where it is not measured.</summary>
    public long? PeakBytes { get; init; }
}
