using System.Text.Json;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Api.Values;

/// <summary>The table of docs/reference/types.md: how what psql shows is to be served. A value of JSON is told by its kind and its text.</summary>
internal static partial class DocumentedForm
{
    private const uint Bool = 16;
    private const uint TimestampTz = 1184;

    private static readonly HashSet<uint> Numbers = [20, 21, 23, 26, 700, 701, 1700];
    private static readonly HashSet<uint> Jsons = [114, 3802];

    public static string[] OfJson(PsqlRows shown, string?[] row, bool onOneLine) => [.. row.Zip(shown.Columns, (text, column) => OfJson(column, text, onOneLine))];

    public static string?[] OfCsv(PsqlRows shown, string?[] row) =>
        [.. row.Zip(shown.Columns, (text, column) => text is not null && column.Oid == TimestampTz ? ToRfc3339(text) : text)];

    public static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => $"string {value.GetString()}",
        JsonValueKind.Number => $"number {value.GetRawText()}",
        _ => value.GetRawText(),
    };

    /// <summary>A row as it was served; a value of a column of JSON is whatever text it is.</summary>
    public static string[] Describe(PsqlRows shown, JsonElement row) =>
        [.. row.EnumerateArray().Select((value, i) => i < shown.Columns.Count && Jsons.Contains(shown.Columns[i].Oid) ? value.GetRawText() : Describe(value))];

    private static string OfJson(PsqlColumn column, string? text, bool onOneLine) => text switch
    {
        null => "null",
        _ when column.Oid == Bool => text == "t" ? "true" : "false",
        _ when Numbers.Contains(column.Oid) && JsonNumber().IsMatch(text) => $"number {text}",
        _ when Jsons.Contains(column.Oid) && onOneLine => text.Replace('\r', ' ').Replace('\n', ' ').Trim(' ', '\t'),
        _ when Jsons.Contains(column.Oid) => text.Trim(' ', '\t', '\r', '\n'),
        _ when column.Oid == TimestampTz => $"string {ToRfc3339(text)}",
        _ => $"string {text}",
    };

    private static string ToRfc3339(string text) => PlainTime().Replace(text, "$1T$2Z");

    [GeneratedRegex(@"\A-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\z")]
    private static partial Regex JsonNumber();

    [GeneratedRegex(@"\A([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)\+00\z")]
    private static partial Regex PlainTime();
}
