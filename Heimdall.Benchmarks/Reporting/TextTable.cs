using System.Text;

namespace Heimdall.Benchmarks.Reporting;

/// <summary>A table that reads well in a terminal and is Markdown.</summary>
internal sealed class TextTable(params IReadOnlyList<string> header)
{
    private readonly List<IReadOnlyList<string>> _rows = [];

    public void Add(params IReadOnlyList<string> cells) => _rows.Add(cells);

    public override string ToString()
    {
        var widths = Enumerable.Range(0, header.Count).Select(column => _rows.Append(header).Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        Append(text, header, widths, ' ');
        Append(text, [.. header.Select(_ => "")], widths, '-');
        foreach (var row in _rows)
        {
            Append(text, row, widths, ' ');
        }
        return text.ToString();
    }

    private static void Append(StringBuilder text, IReadOnlyList<string> cells, int[] widths, char filling) =>
        text.Append("| ").AppendJoin(" | ", cells.Select((cell, column) => cell.PadRight(widths[column], filling))).Append(" |\n");
}
