namespace Heimdall.Benchmarks.Reports;

/// <summary>What should come out of a row.</summary>
/// <param name="Text">As in the report.</param>
/// <param name="IsMet">Takes the row's series, Heimdall's first and then the one it is compared with; null where figures are missing.</param>
internal sealed record Goal(string Text, Func<IReadOnlyList<Series>, bool?> IsMet)
{
    public static Goal None { get; } = new("-", _ => null);

    /// <summary>For times: Heimdall's median over the other's.</summary>
    public static Goal RatioAtMost(double most) =>
        new(FormattableString.Invariant($"ratio <= {most:0.00}"), series => Ratio(series) is { } ratio ? ratio <= most : null);

    /// <summary>For rates: Heimdall's median over the other's.</summary>
    public static Goal RatioAtLeast(double least) =>
        new(FormattableString.Invariant($"ratio >= {least:0.0#}"), series => Ratio(series) is { } ratio ? ratio >= least : null);

    public static Goal AtMost(string figure, double most, string unit) =>
        new(FormattableString.Invariant($"{figure} <= {most:0.##} {unit}"), series => Median(series, figure) is { } median ? median <= most : null);

    public static Goal AtLeast(string figure, double least, string unit) =>
        new(FormattableString.Invariant($"{figure} >= {least:#,0.##}{unit}"), series => Median(series, figure) is { } median ? median >= least : null);

    /// <summary>Both; not met as soon as one is not.</summary>
    public Goal And(Goal other) => new($"{Text}; {other.Text}", series => (IsMet(series), other.IsMet(series)) switch
    {
        (false, _) or (_, false) => false,
        (true, true) => true,
        _ => null,
    });

    private static double? Ratio(IReadOnlyList<Series> series) =>
        series.Count > 1 ? series[0].Main?.Median / series[1].Main?.Median : null;

    private static double? Median(IReadOnlyList<Series> series, string figure) => series[0].Of(figure)?.Median;
}
