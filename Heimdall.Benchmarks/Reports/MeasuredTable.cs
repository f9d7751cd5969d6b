using System.Globalization;
using System.Text;

namespace Heimdall.Benchmarks.Reports;

/// <summary>A row that has been measured.</summary>
/// <param name="Name">For --only.</param>
/// <param name="Title">What was measured.</param>
/// <param name="Goal">What should have come out.</param>
/// <param name="Series">Heimdall's first, then the one that the goal compares it with.</param>
internal sealed record MeasuredRow(string Name, string Title, Goal Goal, IReadOnlyList<Series> Series);

/// <summary>What a suite prints at its end: one table that reads well in a terminal and is Markdown.</summary>
internal static class MeasuredTable
{
    public const double Megabyte = 1024 * 1024;
    private const string Nothing = "-";

    private static readonly string[] _header =
        ["name", "who", "n", "min / median / max", "first over this", "of the best", "goal", "", "beside it, medians"];

    public static string Of(IReadOnlyList<MeasuredRow> rows)
    {
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"{row.Name}: {row.Title}\n");
        }
        AppendTable(text.Append('\n'), [_header, .. rows.SelectMany(LinesOf)]);
        foreach (var (row, series) in rows.SelectMany(row => row.Series.Select(series => (row, series))).Where(pair => pair.series.Failure is not null))
        {
            text.Append(CultureInfo.InvariantCulture,
                $"{(series.Failure is NotAbleException ? "not able" : "failed")}: {row.Name}, {series.Name}: {series.Failure!.Message}\n");
        }
        return text.ToString();
    }

    /// <summary>Whether something went wrong, other than that a goal is missed or that a version is not able.</summary>
    public static bool HasFailures(IEnumerable<MeasuredRow> rows) =>
        rows.SelectMany(row => row.Series).Any(series => series.Failure is not null and not NotAbleException);

    private static IEnumerable<string[]> LinesOf(MeasuredRow row) => row.Series.Select((series, place) => (string[])
    [
        row.Name, series.Name, $"{series.Count}", Show(series),
        place == 0 ? Nothing : Number(row.Series[0].Main?.Median / series.Main?.Median, "0.00"),
        place == 0 ? Nothing : Number(row.Series[0].Best / series.Best, "0.00"),
        place == 0 ? row.Goal.Text : "",
        place == 0 ? row.Goal.IsMet(row.Series) switch { true => "met", false => "missed", null => Nothing } : "",
        string.Join(", ", series.Figures.Skip(1).Select(figure => $"{figure.Name} {Number(series.Of(figure.Name)?.Median, figure.Format)} {figure.Unit}".TrimEnd())),
    ]);

    private static string Show(Series series) => (series.Failure, series.Main) switch
    {
        (NotAbleException, _) => "not able",
        (not null, _) => "failed",
        (_, { } main) => $"{Number(main.Min, series.Figures[0].Format)} / {Number(main.Median, series.Figures[0].Format)} / "
            + $"{Number(main.Max, series.Figures[0].Format)} {series.Figures[0].Unit}",
        _ => "not measured: only Linux gives it",
    };

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? Nothing;

    private static void AppendTable(StringBuilder text, List<string[]> lines)
    {
        var widths = Enumerable.Range(0, lines[0].Length).Select(column => lines.Max(line => line[column].Length)).ToArray();
        lines.Insert(1, [.. widths.Select(width => new string('-', width))]);
        foreach (var line in lines)
        {
            text.Append("| ").AppendJoin(" | ", line.Select((cell, column) => cell.PadRight(widths[column]))).Append(" |\n");
        }
    }
}
