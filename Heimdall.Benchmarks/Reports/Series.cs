namespace Heimdall.Benchmarks.Reports;

/// <summary>A number of one run.</summary>
/// <param name="Name">What it is; the same in every run of a row.</param>
/// <param name="Value">Null where the system does not give it.</param>
/// <param name="Unit">One that ends in <c>/s</c> is the better the higher it is.</param>
/// <param name="Format">Of the digits.</param>
internal sealed record Figure(string Name, double? Value, string Unit, string Format = "0.000");

/// <summary>The runs of one contender in one row; the first figure of a run is the one that is compared.</summary>
/// <param name="name">The contender's, as in the report.</param>
internal sealed class Series(string name)
{
    private readonly List<IReadOnlyList<Figure>> _runs = [];

    public string Name => name;

    public int Count => _runs.Count;

    /// <summary>Why there are no figures; null while all is well. A wrong run must not look like a fast one.</summary>
    public BenchmarkException? Failure { get; private set; }

    /// <summary>The figures by name, without their values.</summary>
    public IReadOnlyList<Figure> Figures => Failure is null && _runs.Count > 0 ? _runs[0] : [];

    public Timings? Main => Figures is [var main, ..] ? Of(main.Name) : null;

    public bool IsRate => Figures is [var main, ..] && main.Unit.EndsWith("/s", StringComparison.Ordinal);

    /// <summary>The least of times, the most of rates.</summary>
    public double? Best => IsRate ? Main?.Max : Main?.Min;

    public void Add(IReadOnlyList<Figure> run) => _runs.Add(run);

    public void Fail(BenchmarkException reason) => Failure = reason;

    /// <returns>Null where there is no such figure.</returns>
    public Timings? Of(string figure) => Failure is null
        ? Timings.Of(_runs.SelectMany(run => run).Where(one => one.Name == figure).Select(one => one.Value).OfType<double>())
        : null;
}

/// <summary>What many runs of the same thing gave.</summary>
internal sealed record Timings(double Min, double Median, double Max)
{
    /// <returns>Null of no runs.</returns>
    public static Timings? Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0
            ? null
            : new Timings(sorted[0], (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[^1]);
    }

    /// <param name="sorted">Values in order.</param>
    /// <param name="share">0.99 for the value that one of a hundred exceeds.</param>
    public static double Quantile(IReadOnlyList<double> sorted, double share) =>
        sorted[(int)Math.Min(sorted.Count - 1, share * sorted.Count)];
}
