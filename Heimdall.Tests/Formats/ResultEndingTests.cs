using Heimdall.Api.Formats;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Formats;

[Parallelizable(ParallelScope.All)]
public sealed class ResultEndingTests
{
    private static readonly ResultColumn[] Columns = [new("a", "int4", ResultValueKind.Number), new("b", "text", ResultValueKind.Text)];

    private static readonly ResultEnding Whole = new() { Status = JobStatus.Succeeded, Truncated = false };

    private static readonly ResultEnding Broken = new()
    {
        Status = JobStatus.Failed,
        Truncated = false,
        Failure = new JobFailure { Kind = JobFailureKind.Sql, Message = "no \"b\"", Errors = [new StatementError { SqlState = "42703", Message = "no \"b\"" }] },
    };

    [Test]
    public async Task A_whole_csv_is_nothing_but_its_rows()
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Csv, Columns, WriteTwoRows, Whole);

        Assert.That(written.Text, Is.EqualTo("a,b\r\n1,\r\n,\"x,\"\"y\"\"\nz\"\r\n"));
        Assert.That(written.IsAborted, Is.False);
    }

    [Test]
    public async Task A_csv_that_broke_off_ends_in_a_quote_that_is_never_closed()
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Csv, Columns, WriteTwoRows, Broken);

        Assert.That(written.Text, Does.EndWith("\r\n\"heimdall: FAILED after 2 rows: 42703 no \"\"b\"\"\r\n"));
        Assert.That(written.IsAborted, Is.True);
    }

    [Test]
    public async Task A_csv_of_a_cancelled_query_breaks_off()
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Csv, Columns, WriteTwoRows, Whole with { Status = JobStatus.Canceled });

        Assert.That(written.Text, Does.EndWith("\r\n\"heimdall: CANCELED after 2 rows\r\n"));
        Assert.That(written.IsAborted, Is.True);
    }

    [Test]
    public async Task A_csv_that_a_limit_has_cut_says_so()
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Csv, Columns, WriteTwoRows, Whole with { Truncated = true });

        Assert.That(written.Text, Does.EndWith("\r\n\"heimdall: TRUNCATED by a limit after 2 rows\r\n"));
    }

    [TestCase("", "\"\"")]
    [TestCase("\\.", "\"\\.\"")]
    [TestCase("a\rb", "\"a\rb\"")]
    [TestCase(" a ", " a ")]
    [TestCase("ü🙂", "ü🙂")]
    public async Task A_csv_quotes_what_must_be(string value, string expected)
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Csv, [Columns[1]], writer => WriteRow(writer, value), Whole);

        Assert.That(written.Text, Is.EqualTo($"b\r\n{expected}\r\n"));
    }

    [Test]
    public async Task Ndjson_tells_rows_from_what_is_none_by_their_bracket()
    {
        var written = await WrittenResult.OfAsync(ResultFormat.Ndjson, Columns, WriteTwoRows, Broken);

        Assert.That(written.Text, Is.EqualTo(
            """
            {"columns":[{"name":"a","type":"int4"},{"name":"b","type":"text"}]}
            [1,null]
            [null,"x,\"y\"\nz"]
            {"row_count":2,"truncated":false,"status":"FAILED","error":"no \"b\"","sqlstate":"42703"}

            """));
    }

    [Test]
    public async Task Ndjson_keeps_a_json_value_that_spans_lines_on_one()
    {
        var written = await WrittenResult.OfAsync(
            ResultFormat.Ndjson, [new("j", "json", ResultValueKind.Json)], writer => WriteRow(writer, "{\r\n \"a\\n\": 1}"), Whole);

        Assert.That(written.Text.Split('\n')[1], Is.EqualTo("[{   \"a\\n\": 1}]"));
    }

    [Test]
    public async Task Bytes_that_are_no_utf8_are_replaced_in_every_format([Values("application/json", "application/x-ndjson", "text/csv")] string mediaType)
    {
        var format = new[] { ResultFormat.Json, ResultFormat.Ndjson, ResultFormat.Csv }.Single(one => one.Name == mediaType);

        var written = await WrittenResult.OfAsync(format, [Columns[1]], writer =>
        {
            writer.StartRow();
            writer.WriteValue([(byte)'a', 0xE4, (byte)'b']);
            writer.EndRow();
        }, Whole);

        Assert.That(written.Text, Does.Contain("a\uFFFDb"));
    }

    private static void WriteTwoRows(FormatWriter writer)
    {
        writer.StartRow();
        writer.WriteValue("1"u8);
        writer.WriteNull();
        writer.EndRow();
        writer.StartRow();
        writer.WriteNull();
        writer.WriteValue("x,\"y\"\nz"u8);
        writer.EndRow();
    }

    private static void WriteRow(FormatWriter writer, string value)
    {
        writer.StartRow();
        writer.WriteValue(System.Text.Encoding.UTF8.GetBytes(value));
        writer.EndRow();
    }
}
