namespace Heimdall.Benchmarks.Http;

/// <summary>Some seconds of requests.</summary>
/// <param name="Seconds">How many.</param>
/// <param name="Latencies">Milliseconds of each request, sorted.</param>
/// <param name="CpuSeconds">Of the server's process; null where the system does not say.</param>
internal sealed record LoadRun(double Seconds, IReadOnlyList<double> Latencies, double? CpuSeconds)
{
    public double RequestsPerSecond => Latencies.Count / Seconds;

    public double? CpuMicroseconds => CpuSeconds * 1e6 / Latencies.Count;

    /// <param name="share">0.5 for the median.</param>
    public double Quantile(double share) => Latencies[(int)Math.Min(Latencies.Count - 1, share * Latencies.Count)];
}
