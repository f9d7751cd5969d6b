using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Heimdall.Client;
using Spectre.Console;

namespace Heimdall.Cli;

/// <summary>Prints rows as they come.</summary>
internal static class RowOutput
{
    public static readonly string[] Formats = ["table", "csv", "json", "ndjson", "arrow", "parquet"];

    /// <summary>A table is laid out by so many rows at once; more of them are further tables.</summary>
    private const int RowsOfTable = 1000;

    /// <returns>The media type of a format that is copied as Heimdall sends it; null for the others.</returns>
    public static string? FindCopied(string? format) => format switch
    {
        "arrow" => HeimdallMediaTypes.Arrow,
        "parquet" => HeimdallMediaTypes.Parquet,
        _ => null,
    };

    public static async Task PrintAsync(
        Terminal terminal, QueryRows rows, string? format, CancellationToken cancellationToken)
    {
        switch (format ?? (terminal.IsOutTerminal ? "table" : "csv"))
        {
            case "table":
                await PrintTablesAsync(terminal, rows, cancellationToken);
                break;
            case "csv":
                await PrintCsvAsync(terminal, rows, cancellationToken);
                break;
            case "json":
                await PrintJsonAsync(terminal, rows, isArray: true, cancellationToken);
                break;
            default:
                await PrintJsonAsync(terminal, rows, isArray: false, cancellationToken);
                break;
        }
        if (rows is { Columns.Count: 0, RowsAffected: { } affected })
        {
            terminal.Say($"{affected} {(affected == 1 ? "row" : "rows")} affected");
        }
        if (rows.IsTruncated == true)
        {
            terminal.Say($"A limit has cut the result after {rows.RowCount} rows.");
        }
    }

    private static async Task PrintTablesAsync(Terminal terminal, QueryRows rows, CancellationToken cancellationToken)
    {
        var table = CreateTable();
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            table.AddRow(Enumerable.Range(0, row.Count).Select(i =>
                TextTables.Cell(terminal, row.GetText(i) ?? "NULL", isDim: row.IsNull(i))));
            if (table.Rows.Count == RowsOfTable)
            {
                terminal.Screen.Write(table);
                table = CreateTable();
            }
        }
        if (rows.Columns.Count == 0)
        {
            return;
        }
        if (table.Rows.Count > 0 || rows.RowCount == 0)
        {
            terminal.Screen.Write(table);
        }
        terminal.Say($"{rows.RowCount} {(rows.RowCount == 1 ? "row" : "rows")}");

        Table CreateTable() => TextTables.Create(
            terminal, [.. rows.Columns.Select(column => column.Name)], [.. rows.Columns.Select(IsNumber)]);
    }

    private static bool IsNumber(HeimdallColumn column) =>
        column.Type is "int2" or "int4" or "int8" or "numeric" or "float4" or "float8" or "oid";

    /// <summary>
    /// NULL is nothing, as is the <c>null</c> of JSON. An empty string is <c>""</c>. Lines end in a line feed alone.
    /// </summary>
    private static async Task PrintCsvAsync(Terminal terminal, QueryRows rows, CancellationToken cancellationToken)
    {
        if (rows.Columns.Count > 0)
        {
            await terminal.PrintAsync(string.Join(',', rows.Columns.Select(column => Quote(column.Name))));
        }
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            var fields = Enumerable.Range(0, row.Count).Select(column => Quote(TextOf(row, column)));
            await terminal.PrintAsync(string.Join(',', fields));
        }

        string? TextOf(HeimdallRow row, int column) => row[column].ValueKind switch
        {
            JsonValueKind.True when rows.Columns[column].Type == "bool" => "t",
            JsonValueKind.False when rows.Columns[column].Type == "bool" => "f",
            _ => row.GetText(column),
        };
    }

    private static string? Quote(string? text) =>
        text is null || (text.Length > 0 && text.IndexOfAny(['"', ',', '\r', '\n']) < 0 && text != "\\.")
            ? text
            : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>An object a row. Numbers have every digit.</summary>
    private static async Task PrintJsonAsync(
        Terminal terminal, QueryRows rows, bool isArray, CancellationToken cancellationToken)
    {
        var names = NamesOf(rows.Columns);
        var text = new StringBuilder();
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            // The comma stands before the next row, and "]" behind the last one: rows that break off are no JSON.
            text.Clear().Append(!isArray ? "{" : rows.RowCount == 1 ? "[{" : ",{");
            for (var i = 0; i < row.Count; i++)
            {
                text.Append(i == 0 ? "" : ", ").Append(names[i]).Append(": ").Append(row[i].GetRawText());
            }
            text.Append('}');
            await terminal.PrintAsync(text.ToString());
        }
        if (isArray)
        {
            await terminal.PrintAsync(rows.RowCount == 0 ? "[]" : "]");
        }
    }

    /// <summary>An object has a name once: the second <c>x</c> is <c>x_2</c>.</summary>
    private static string[] NamesOf(IReadOnlyList<HeimdallColumn> columns)
    {
        var taken = columns.Select(column => column.Name).ToHashSet();
        var seen = new HashSet<string>();
        return [.. columns.Select(column =>
        {
            var name = column.Name;
            for (var i = 2; !seen.Add(name); i++)
            {
                name = taken.Contains($"{column.Name}_{i}") ? name : $"{column.Name}_{i}";
            }
            return $"\"{JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
        })];
    }
}

/// <summary>Tables for people.</summary>
internal static class TextTables
{
    public static Table Create(Terminal terminal, string[] names, bool[]? areNumbers = null)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var (index, name) in names.Index())
        {
            var alignment = areNumbers?[index] == true ? Justify.Right : Justify.Left;
            table.AddColumn(new TableColumn(Cell(terminal, name)) { Alignment = alignment });
        }
        return table;
    }

    public static Text Cell(Terminal terminal, string text, bool isDim = false) =>
        new(
            terminal.IsOutTerminal ? VisibleText.Of(text, isCell: true) : text,
            isDim ? new Style(decoration: Decoration.Dim) : Style.Plain);

    /// <summary>Prints objects of replies: those fields as a table, or all of them as JSON, one a line.</summary>
    public static async Task PrintAsync<T>(
        Terminal terminal, IAsyncEnumerable<T> entries, string? format,
        params (string Name, Func<T, string?> Text)[] columns)
        where T : ReplyObject
    {
        var table = Create(terminal, [.. columns.Select(column => column.Name)]);
        await foreach (var entry in entries)
        {
            if (format == "json")
            {
                await terminal.PrintAsync(entry.Json.GetRawText());
                continue;
            }
            table.AddRow([.. columns.Select(column => Cell(terminal, column.Text(entry) ?? ""))]);
        }
        if (format != "json")
        {
            terminal.Screen.Write(table);
        }
    }
}
