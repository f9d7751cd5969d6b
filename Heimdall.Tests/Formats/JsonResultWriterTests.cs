using System.Text;
using System.Text.Json;
using Heimdall.Api.Formats;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Formats;

[Parallelizable(ParallelScope.All)]
public sealed class JsonResultWriterTests
{
    [TestCase(ResultValueKind.Number, "9223372036854775807", "9223372036854775807")]
    [TestCase(ResultValueKind.Number, "-0.10000000000000000000000000001", "-0.10000000000000000000000000001")]
    [TestCase(ResultValueKind.Number, "1e+300", "1e+300")]
    [TestCase(ResultValueKind.Number, "NaN", "\"NaN\"")]
    [TestCase(ResultValueKind.Number, "Infinity", "\"Infinity\"")]
    [TestCase(ResultValueKind.Number, "-Infinity", "\"-Infinity\"")]
    [TestCase(ResultValueKind.Boolean, "t", "true")]
    [TestCase(ResultValueKind.Boolean, "f", "false")]
    [TestCase(ResultValueKind.Json, "{\"a\": [1, 1.50, null]}", "{\"a\": [1, 1.50, null]}")]
    [TestCase(ResultValueKind.Text, "", "\"\"")]
    [TestCase(ResultValueKind.Text, "1", "\"1\"")]
    [TestCase(ResultValueKind.Text, "\\u0000", "\"\\\\u0000\"")]
    [TestCase(ResultValueKind.Text, "a\"b\\c\n\t\u0001", "\"a\\\"b\\\\c\\n\\t\\u0001\"")]
    [TestCase(ResultValueKind.Text, "ü🙂", "\"ü🙂\"")]
    public async Task A_value_is_written_exactly(ResultValueKind kind, string text, string expected)
    {
        var json = await WriteAsync([new("c", "x", kind)], writer =>
        {
            writer.StartRow();
            writer.WriteValue(Encoding.UTF8.GetBytes(text));
            writer.EndRow();
        });

        using var document = JsonDocument.Parse(json);
        var value = document.RootElement.GetProperty("data")[0][0];
        Assert.That(value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText(), Is.EqualTo(
            JsonDocument.Parse(expected).RootElement is { ValueKind: JsonValueKind.String } quoted ? quoted.GetString() : expected));
        Assert.That(value.ValueKind == JsonValueKind.String, Is.EqualTo(expected.StartsWith('"')));
    }

    [Test]
    public async Task Nulls_doubled_names_and_rows_without_columns_are_kept()
    {
        var twice = await WriteAsync([new("a", "text", ResultValueKind.Text), new("a", "text", ResultValueKind.Text)], writer =>
        {
            writer.StartRow();
            writer.WriteNull();
            writer.WriteValue("x"u8);
            writer.EndRow();
        });
        var none = await WriteAsync([], writer =>
        {
            writer.StartRow();
            writer.EndRow();
        });

        Assert.That(twice, Is.EqualTo("""{"columns":[{"name":"a","type":"text"},{"name":"a","type":"text"}],"data":[[null,"x"]],"row_count":1,"truncated":false,"status":"SUCCEEDED"}"""));
        Assert.That(none, Is.EqualTo("""{"columns":[],"data":[[]],"row_count":1,"truncated":false,"status":"SUCCEEDED"}"""));
    }

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(40_000)]
    public async Task A_row_that_a_failure_left_unfinished_is_taken_back(int wholeRows)
    {
        long counted = -1;
        var json = await WriteAsync([new("a", "int4", ResultValueKind.Number), new("b", "text", ResultValueKind.Text)], writer =>
        {
            for (var row = 0; row < wholeRows; row++)
            {
                writer.StartRow();
                writer.WriteValue("1"u8);
                writer.WriteNull();
                writer.EndRow();
            }
            writer.StartRow();
            writer.WriteValue("2"u8);
            counted = writer.RowCount;
        });

        using var document = JsonDocument.Parse(json);
        Assert.That(document.RootElement.GetProperty("data").GetArrayLength(), Is.EqualTo(wholeRows));
        Assert.That(document.RootElement.GetProperty("data").EnumerateArray().All(row => row.GetArrayLength() == 2));
        Assert.That(counted, Is.EqualTo(wholeRows));
    }

    private static async Task<string> WriteAsync(ResultColumn[] columns, Action<FormatWriter> write)
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Json, columns, write, new ResultEnding { Status = JobStatus.Succeeded, Truncated = false });
        return written.Text;
    }
}
