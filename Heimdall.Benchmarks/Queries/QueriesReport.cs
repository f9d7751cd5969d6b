using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>What is printed at the end.</summary>
internal static class QueriesReport
{
    public static string OfRows(IReadOnlyList<QueryResult> results)
    {
        var table = new TextTable("name", "what; against", "Heimdall", "the other", "ratio", "goal", "");
        foreach (var (row, outcome, _) in results)
        {
            table.Add(row.Name, row.Title, outcome?.Measured ?? "failed", outcome?.Rival ?? Cell.Nothing, Cell.Of(outcome?.Ratio), row.Goal, Cell.OfGoal(outcome?.IsMet));
        }
        return table.ToString();
    }

    /// <returns>Null where nothing of the kind was measured.</returns>
    public static string? OfTransfers(IReadOnlyList<QueryResult> results)
    {
        var table = new TextTable("name", "who", "n", "min / median / max s", "MB", "MB/s", "rows/s", "CPU s, API", "CPU s, PostgreSQL");
        var rows =
            from result in results
            from series in result.Outcome?.Transfers ?? []
            select (result.Row.Name, series);
        foreach (var (name, series) in rows)
        {
            var seconds = MedianOf(series.Runs, run => run.Seconds);
            var megabytes = MedianOf(series.Runs, run => run.Bytes) / Cell.Megabyte;
            table.Add(name, series.Contender, $"{series.Runs.Count}", $"{Timings.Of(series.Runs.Select(run => run.Seconds))}",
                Cell.Of(megabytes, "0.0"), Cell.Of(megabytes / seconds, "0"), Cell.Of(series.Rows / seconds, "0"),
                Cell.Of(MedianOf(series.Runs, run => run.ApiCpuSeconds)), Cell.Of(MedianOf(series.Runs, run => run.ServerCpuSeconds)));
        }
        return rows.Any() ? table.ToString() : null;
    }

    /// <returns>Null where nothing of the kind was measured.</returns>
    public static string? OfLoads(IReadOnlyList<QueryResult> results)
    {
        var table = new TextTable("name", "who", "n", "requests/s, min / median / max", "p50 ms", "p99 ms", "CPU µs a request, its process");
        var rows =
            from result in results
            from series in result.Outcome?.Loads ?? []
            select (result.Row.Name, series);
        foreach (var (name, series) in rows)
        {
            var rates = Timings.Of(series.Runs.Select(run => run.RequestsPerSecond))!;
            table.Add(name, series.Contender, $"{series.Runs.Count}", FormattableString.Invariant($"{rates.Min:0} / {rates.Median:0} / {rates.Max:0}"),
                Cell.Of(MedianOf(series.Runs, run => run.Quantile(0.5)), "0.000"), Cell.Of(MedianOf(series.Runs, run => run.Quantile(0.99)), "0.000"),
                Cell.Of(MedianOf(series.Runs, run => run.CpuMicroseconds), "0"));
        }
        return rows.Any() ? table.ToString() : null;
    }

    private static double? MedianOf<T>(IEnumerable<T> runs, Func<T, double?> figure) => Timings.Of(runs.Select(figure).OfType<double>())?.Median;
}
