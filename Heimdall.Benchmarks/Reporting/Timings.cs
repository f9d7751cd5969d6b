namespace Heimdall.Benchmarks.Reporting;

/// <summary>What many runs of the same thing took.</summary>
internal sealed record Timings(int Count, double Min, double Median, double Max)
{
    /// <returns>Null of no runs.</returns>
    public static Timings? Of(IEnumerable<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        return sorted.Length == 0
            ? null
            : new Timings(sorted.Length, sorted[0], (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[^1]);
    }

    public override string ToString() => FormattableString.Invariant($"{Min:0.000} / {Median:0.000} / {Max:0.000}");
}
