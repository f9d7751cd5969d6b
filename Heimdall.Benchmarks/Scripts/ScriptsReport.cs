using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>What is printed at the end.</summary>
internal static class ScriptsReport
{
    /// <param name="rows">Rows run with the same processors.</param>
    /// <param name="hasGoals">True for awake processors: the goals were set with these.</param>
    public static string OfRows(IReadOnlyList<RowResult> rows, bool hasGoals)
    {
        var table = new TextTable("script, transaction", "against", "n", "its min / median / max s", "Heimdall min / median / max s",
            "ratio", "of minima", "goal", "", "peak MB, psql / Heimdall");
        foreach (var (row, psql, executor, _) in rows)
        {
            var ratio = executor.Seconds?.Median / psql.Seconds?.Median;
            table.Add(row.Title, row.Psql, $"{psql.Seconds?.Count ?? 0}", Show(psql), Show(executor),
                Cell.Of(ratio), Cell.Of(executor.Seconds?.Min / psql.Seconds?.Min),
                hasGoals ? FormattableString.Invariant($"<= {row.Goal:0.00}") : Cell.Nothing,
                hasGoals ? Cell.OfGoal(ratio is null ? null : ratio <= row.Goal) : Cell.Nothing,
                $"{Cell.OfMegabytes(psql.PeakBytes)} / {Cell.OfMegabytes(executor.PeakBytes)}");
        }
        return table.ToString();
    }

    public static string OfJobs(IReadOnlyList<RowResult> rows)
    {
        var table = new TextTable("script, transaction", "n", "started to finished, min / median / max s", "ratio to psql", "with HTTP and queue, s", "ratio to psql");
        foreach (var (row, psql, _, job) in rows)
        {
            table.Add(row.Title, $"{job!.Seconds?.Count ?? 0}", Show(job), Cell.Of(job.Seconds?.Median / psql.Seconds?.Median),
                job.HttpSeconds?.ToString() ?? Cell.Nothing, Cell.Of(job.HttpSeconds?.Median / psql.Seconds?.Median));
        }
        return table.ToString();
    }

    public static string OfFigures(IReadOnlyList<Figure> figures)
    {
        var table = new TextTable("what", "goal", "", "measured");
        foreach (var figure in figures)
        {
            table.Add(figure.Title, figure.Goal, Cell.OfGoal(figure.IsMet), figure.Value);
        }
        return table.ToString();
    }

    public static IEnumerable<string> Failures(IEnumerable<RowResult> rows) =>
        from row in rows
        from series in row.All
        where series.Failure is not null
        select $"{row.Row.Name}, {series.Contender.Name}: {series.Failure}";

    private static string Show(Series series) => series.Failure is null ? series.Seconds?.ToString() ?? Cell.Nothing : "failed";
}
