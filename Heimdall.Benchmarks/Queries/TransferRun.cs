namespace Heimdall.Benchmarks.Queries;

/// <summary>Many rows, read once.</summary>
/// <param name="Seconds">From the client's start to its end.</param>
/// <param name="Bytes">That came; null where the client does not say.</param>
internal sealed record TransferRun(double Seconds, long? Bytes)
{
    /// <summary>The API process's, meanwhile; null where the system does not say.</summary>
    public double? ApiCpuSeconds { get; init; }

    /// <summary>PostgreSQL's.</summary>
    public double? ServerCpuSeconds { get; init; }
}
