using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using Heimdall.Tests.Support;
using NUnit.Framework;
using ParquetSharp.Arrow;

namespace Heimdall.Tests.Api.Values;

/// <summary>
/// Every type and every awkward value in Arrow and Parquet, read back by libraries that are not ours: it is what psql
/// shows. The few values that a type of Arrow does not hold are refused, and are never something else.
/// </summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
[Category(RealProcessTests.Category)]
public sealed class ColumnarValueTests
{
    private const string Arrow = "application/vnd.apache.arrow.stream";
    private const string Parquet = "application/vnd.apache.parquet";

    private static readonly string[] _formats = [Arrow, Parquet];

    private static readonly ValueCase[] _cases = [.. TypeValues.Cases, .. AwkwardValues.Cases, .. Declared];

    // What docs/reference/types.md says that is not held.
    private static readonly string[] _unfit =
    [
        "array nested", "array of six dimensions", "array from another bound", "array nested from other bounds",
        "array of arrays of text", "time 24:00:00", "timestamp last", "timestamptz year 294276", "NaN of a precision",
        "array of a precision, NaN",
    ];

    // As many digits as there are: a number of a declared precision alone is a decimal.
    private static ValueCase[] Declared =>
    [
        ValueCase.OfQuery("numeric(10,2)", "select v from declared"),
        ValueCase.OfQuery("numeric of each declaration", "select w, x, y, z, u, t, l from declared"),
        ValueCase.OfQuery("NaN of a precision", "select 'NaN'::numeric(10,2) as v"),
        ValueCase.OfQuery("array of a precision, NaN", "select '{1,NaN}'::numeric(10,2)[] as v"),
    ];

    private HeimdallInstance _heimdall = null!;
    private PsqlOracle _psql = null!;

    public static IEnumerable<TestCaseData> Fit => _cases.Where(one => !_unfit.Contains(one.Name))
        .SelectMany(one => _formats.Where(format => format == Arrow || !HasNoColumns(one))
            .Select(format => new TestCaseData(one.Name, format)));

    public static IEnumerable<TestCaseData> Unfit =>
        _unfit.SelectMany(name => _formats.Select(format => new TestCaseData(name, format)));

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.Target.ExecuteAsync(AwkwardValues.Objects, CancellationToken.None);
        await _heimdall.Target.ExecuteAsync(
            """
            create table declared (
                v numeric(10, 2), w numeric(38, 10), x numeric(76, 38), y numeric(77, 1), z numeric(3, 0), u numeric(1),
                t numeric(38, 38), l numeric(10, 2)[]);
            insert into declared values
                (12345678.90, 1234567890123456789012345678.0123456789,
                 -12345678901234567890123456789012345678.00000000000000000000000000000000000001, 0.1, -999, 0,
                 0.00000000000000000000000000000000000001, '{1.5,-0.01,NULL}'),
                (-0.01, -0.0000000001, 0, -1, 0, 9, -0.99999999999999999999999999999999999999, '{}'),
                (null, null, null, null, null, null, null, null);
            """,
            CancellationToken.None);
        _psql = await PsqlOracle.AskAsync(_heimdall.Target, _cases, CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCaseSource(nameof(Fit))]
    public async Task A_reply_has_what_psql_shows(string name, string format, CancellationToken cancellationToken)
    {
        var shown = _psql.Of(_cases.Single(one => one.Name == name));

        using var reply = await PostAsync(name, format, prefer: null, cancellationToken);

        await AssertIsAsync(shown, format, await ReadAsync(reply, cancellationToken), cancellationToken);
    }

    [TestCase(Arrow)]
    [TestCase(Parquet)]
    public async Task A_stored_result_has_what_psql_shows(string format, CancellationToken cancellationToken)
    {
        foreach (var one in _cases.Where(one => one.Expression is null && !_unfit.Contains(one.Name)))
        {
            if (format == Parquet && HasNoColumns(one))
            {
                continue;
            }
            using var reply = await PostAsync(one.Name, format, "wait=60", cancellationToken);

            await AssertIsAsync(_psql.Of(one), format, await ReadAsync(reply, cancellationToken), cancellationToken);
        }
    }

    [TestCaseSource(nameof(Unfit))]
    public async Task A_value_that_has_no_place_is_refused(string name, string format, CancellationToken cancellationToken)
    {
        using var inline = await PostAsync(name, format, prefer: null, cancellationToken);
        using var stored = await PostAsync(name, format, "wait=60", cancellationToken);

        Assert.That((int)inline.StatusCode, Is.EqualTo(400));
        Assert.That((int)stored.StatusCode, Is.EqualTo(406));
        foreach (var reply in new[] { inline, stored })
        {
            var problem = await reply.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
            Assert.That(
                problem.GetProperty("detail").GetString(), Does.Contain("'v").And.Contain("Select the column as text"));
        }
    }

    [Test]
    public async Task Numbers_as_strings_are_texts_in_arrow_too(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(
            "select 'NaN'::numeric(10,2) as n, 9007199254740993 as i", Arrow, prefer: null, new { numbers = "string" },
            cancellationToken);

        var (_, batches) = await ReadArrowAsync(await ReadAsync(reply, cancellationToken), cancellationToken);
        Assert.That(
            Enumerable.Range(0, 2).Select(i => ((StringArray)batches.Single().Column(i)).GetString(0)),
            Is.EqualTo(new[] { "NaN", "9007199254740993" }));
    }

    [Test]
    public async Task Types_of_arrow_are_those_of_the_reference(CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(
            """
            select 1::int2 a, 1::int4 b, 1::int8 c, 1::oid d, 1::float4 e, 1::float8 f, true g, v h, x i, current_date j,
                localtime k, localtimestamp l, now() m, ''::bytea n, gen_random_uuid() o, '{}'::jsonb p, 'x' q,
                array[1] r, 1.5 s, interval '1 day' t
            from declared limit 1
            """,
            Arrow, prefer: null, new { }, cancellationToken);

        var (schema, _) = await ReadArrowAsync(await ReadAsync(reply, cancellationToken), cancellationToken);
        Assert.That(schema.FieldsList.Select(field => field.DataType.Name), Is.EqualTo(new[]
        {
            "int16", "int32", "int64", "uint32", "float", "double", "bool", "decimal128", "decimal256", "date32",
            "time64", "timestamp", "timestamp", "binary", "fixed_size_binary", "utf8", "utf8", "list", "utf8", "utf8",
        }));
        Assert.That(
            schema.FieldsList.Where(field => field.Metadata.ContainsKey("heimdall:sent_as")).Select(field => field.Name),
            Is.EqualTo(new[] { "s", "t" }));
    }

    [TestCase(Arrow)]
    [TestCase(Parquet)]
    public void A_reply_that_fails_after_rows_breaks_off(string format, CancellationToken cancellationToken)
    {
        Assert.That(
            async () =>
            {
                using var reply = await SendAsync(
                    "select repeat('x', 1000), 1 / (50000 - n) from generate_series(1, 100000) n", format, prefer: null,
                    new { }, cancellationToken);
                await reply.Content.ReadAsByteArrayAsync(cancellationToken);
            },
            Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<IOException>());
    }

    [Test]
    public async Task A_cut_result_says_so_in_its_schema(CancellationToken cancellationToken)
    {
        const string Rows = "select n from generate_series(1, 100) n";
        using var inline = await SendAsync(Rows, Arrow, prefer: null, new { row_limit = 10 }, cancellationToken);
        using var stored = await SendAsync(Rows, Arrow, "wait=60", new { row_limit = 10 }, cancellationToken);
        using var whole = await SendAsync(Rows, Arrow, "wait=60", new { }, cancellationToken);

        var said = new List<string>();
        foreach (var reply in new[] { inline, stored, whole })
        {
            var (schema, batches) = await ReadArrowAsync(await ReadAsync(reply, cancellationToken), cancellationToken);
            said.Add($"{schema.Metadata["heimdall:truncated"]} {batches.Sum(batch => batch.Length)}");
        }
        Assert.That(said, Is.EqualTo(new[] { "true 10", "true 10", "false 100" }));
    }

    [Test]
    public void A_long_reply_that_a_limit_has_cut_breaks_off(CancellationToken cancellationToken)
    {
        Assert.That(
            async () =>
            {
                using var reply = await SendAsync(
                    "select repeat('x', 1000) from generate_series(1, 100000)", Arrow, prefer: null,
                    new { row_limit = 50_000 }, cancellationToken);
                await reply.Content.ReadAsByteArrayAsync(cancellationToken);
            },
            Throws.InstanceOf<HttpRequestException>().Or.InstanceOf<IOException>());
    }

    private static bool HasNoColumns(ValueCase one) => one.Name.StartsWith("0 columns", StringComparison.Ordinal);

    private static async Task AssertIsAsync(
        PsqlRows shown, string format, byte[] body, CancellationToken cancellationToken)
    {
        var (schema, batches) = format == Arrow
            ? await ReadArrowAsync(body, cancellationToken)
            : await ReadParquetAsync(body, cancellationToken);

        Assert.That(
            schema.FieldsList.Select(field => (field.Name, field.Metadata?.GetValueOrDefault("heimdall:type"))),
            Is.EqualTo(shown.Columns.Select(column => (column.Name, column.Type))));
        var rows = batches.SelectMany(batch => Enumerable.Range(0, batch.Length)
            .Select(row => batch.Arrays.Select(array => ColumnarText.Of(array, row)).ToArray())).ToArray();
        var expected = shown.Rows.Select(row => row.Zip(shown.Columns, Spell).ToArray()).ToArray();
        if (rows.Length != expected.Length || !rows.Zip(expected).All(pair => pair.First.SequenceEqual(pair.Second)))
        {
            Assert.That(rows, Is.EqualTo(expected));
        }
    }

    /// <summary>Two spellings of one float are one value: .NET's is taken for both.</summary>
    private static string? Spell(string? text, PsqlColumn column) => (column.Oid, text) switch
    {
        (_, null) => null,
        (700, _) => float.Parse(text, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
        (701, _) => double.Parse(text, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
        (1021 or 1022, _) => string.Concat("{", string.Join(',', text[1..^1].Split(',').Select(item => item switch
        {
            "NULL" => item,
            _ when column.Oid == 1021 => Spell(item, column with { Oid = 700 }),
            _ => Spell(item, column with { Oid = 701 }),
        })), "}"),
        _ => text,
    };

    private static async Task<(Schema Schema, IReadOnlyList<RecordBatch> Batches)> ReadArrowAsync(
        byte[] body, CancellationToken cancellationToken)
    {
        Assert.That(body.AsSpan()[^8..].SequenceEqual((byte[])[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]), "the end is marked");
        using var reader = new ArrowStreamReader(body);
        var schema = await reader.GetSchema(cancellationToken);
        var batches = new List<RecordBatch>();
        while (await reader.ReadNextRecordBatchAsync(cancellationToken) is { } batch)
        {
            batches.Add(batch);
        }
        return (schema, batches);
    }

    private static async Task<(Schema Schema, IReadOnlyList<RecordBatch> Batches)> ReadParquetAsync(
        byte[] body, CancellationToken cancellationToken)
    {
        using var file = new FileReader(new MemoryStream(body));
        using var reader = file.GetRecordBatchReader();
        var batches = new List<RecordBatch>();
        while (await reader.ReadNextRecordBatchAsync(cancellationToken) is { } batch)
        {
            batches.Add(batch);
        }
        return (file.Schema, batches);
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage reply, CancellationToken cancellationToken)
    {
        var body = await reply.Content.ReadAsByteArrayAsync(cancellationToken);
        Assert.That((int)reply.StatusCode, Is.EqualTo(200), () => Encoding.UTF8.GetString(body));
        return body;
    }

    private Task<HttpResponseMessage> PostAsync(
        string name, string format, string? prefer, CancellationToken cancellationToken) =>
        SendAsync(_cases.Single(one => one.Name == name).Query, format, prefer, new { }, cancellationToken);

    private async Task<HttpResponseMessage> SendAsync(
        string query, string format, string? prefer, object settings, CancellationToken cancellationToken)
    {
        var context = new Dictionary<string, object?> { ["query"] = query, ["return_result"] = true };
        foreach (var setting in settings.GetType().GetProperties())
        {
            context[setting.Name] = setting.GetValue(settings);
        }
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/job")
        {
            Content = JsonContent.Create(new
            {
                name = "values",
                command_criteria = new[] { "type:postgres" },
                cluster_criteria = new[] { "data:local" },
                context,
            }),
        };
        request.Headers.Add("Accept", $"{format}, application/problem+json;q=0.1");
        if (prefer is not null)
        {
            request.Headers.Add("Prefer", prefer);
        }
        return await _heimdall.Client.SendAsync(request, cancellationToken);
    }
}
