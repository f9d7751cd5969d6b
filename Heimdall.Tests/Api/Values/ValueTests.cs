using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Api.Values;

/// <summary>Every type and every awkward value, in every format, read back by a reader that is not ours: it is what psql shows.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
[Category(RealProcessTests.Category)]
public sealed class ValueTests
{
    private const string Json = "application/json";
    private const string Ndjson = "application/x-ndjson";
    private const string Csv = "text/csv";

    private static readonly string[] Formats = [Json, Ndjson, Csv];

    private static readonly ValueCase[] Single = [.. TypeValues.Cases, .. AwkwardValues.Cases];

    // Many values in one stored result: storing each by itself would take minutes.
    private static readonly ValueCase[] Together =
        [.. Single.Where(one => one.Expression is not null).Chunk(60).Select((cases, i) => ValueCase.OfAll($"values side by side, {i + 1}", cases))];

    // The query is made from the server's list of catalogs.
    private static readonly ValueCase Catalogs = ValueCase.OfQuery("row types of all catalogs and arrays of them", "");

    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 10_000 };
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ConcurrentDictionary<string, Lazy<Task<Guid>>> _stored = new();
    private Dictionary<string, ValueCase> _cases = null!;
    private HeimdallInstance _heimdall = null!;
    private NpgsqlDataSource _target = null!;
    private PsqlOracle _psql = null!;

    public static IEnumerable<TestCaseData> Inline => Matrix([.. Single, Catalogs]);

    public static IEnumerable<TestCaseData> Stored => Matrix([.. Single.Where(one => one.Expression is null), .. Together, Catalogs]);

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        _target = NpgsqlDataSource.Create(_heimdall.Target.ConnectionString);
        await _heimdall.Target.ExecuteAsync(AwkwardValues.Objects, CancellationToken.None);
        var catalogs = Catalogs with { Query = await CatalogsQueryAsync() };
        ValueCase[] cases = [.. Single, .. Together, catalogs];
        _cases = cases.ToDictionary(one => one.Name);
        _psql = await PsqlOracle.AskAsync(_heimdall.Target, cases, CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _target.DisposeAsync();
        await _heimdall.DisposeAsync();
    }

    [TestCaseSource(nameof(Inline))]
    public async Task A_reply_has_what_psql_shows(string name, string format, CancellationToken cancellationToken)
    {
        var shown = _psql.Of(_cases[name]);

        var body = await PostAsync(_cases[name], format, prefer: null, cancellationToken);

        await AssertIsAsync(shown, format, body, cancellationToken);
    }

    [TestCaseSource(nameof(Stored))]
    public async Task A_stored_result_has_what_psql_shows(string name, string format, CancellationToken cancellationToken)
    {
        var shown = _psql.Of(_cases[name]);
        var id = await _stored.GetOrAdd(name, _ => new Lazy<Task<Guid>>(() => StoreAsync(_cases[name], cancellationToken))).Value;

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/job/{id}/result");
        var body = await SendAsync(request, format, cancellationToken);

        await AssertIsAsync(shown, format, body, cancellationToken);
    }

    [TestCase(Json)]
    [TestCase(Ndjson)]
    [TestCase(Csv)]
    public async Task Noncharacters_that_psql_leaves_out_are_served(string format, CancellationToken cancellationToken)
    {
        var query = ValueCase.OfQuery("noncharacters", @"select U&'a\+10FFFF\+01FFFEb' as value");
        var expected = new PsqlRows([new PsqlColumn("value", Oid: 25, "text")], [["a\U0010FFFF\U0001FFFEb"]]);

        var body = await PostAsync(query, format, prefer: null, cancellationToken);

        await AssertIsAsync(expected, format, body, cancellationToken);
    }

    [Test]
    public async Task No_type_of_the_server_is_without_a_value(CancellationToken cancellationToken)
    {
        var seen = _psql.All.SelectMany(shown => shown.Columns.Where((_, i) => shown.Rows.Any(row => row[i] is not null))).Select(column => (long)column.Oid).ToHashSet();

        var missed = await _heimdall.Target.ColumnAsync<string>(
            "select typname::text from pg_type where typnamespace = 'pg_catalog'::regnamespace and not oid::bigint = any ($1) order by typname",
            cancellationToken,
            [seen.ToArray()]);

        Assert.That(missed.Except(TypeValues.None.Keys), Is.Empty, "Give it a value in TypeValues, or say there why it cannot have one.");
    }

    private static IEnumerable<TestCaseData> Matrix(IEnumerable<ValueCase> cases) =>
        cases.SelectMany(one => Formats.Select(format => new TestCaseData(one.Name, format)));

    /// <summary>A row of nothing but NULLs of each catalog. What is really in them changes all the time.</summary>
    private async Task<string> CatalogsQueryAsync()
    {
        var names = await _heimdall.Target.ColumnAsync<string>(
            "select oid::regtype::text from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype = 'c' order by typname", CancellationToken.None);
        var columns = names.Select(name => $"jsonb_populate_record(null::{name}, '{{}}') as {name}, array[null::{name}] as {name}_list");
        return $"select {string.Join(", ", columns)}";
    }

    private async Task<byte[]> PostAsync(ValueCase one, string format, string? prefer, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/job")
        {
            Content = JsonContent.Create(new
            {
                name = "values",
                version = "0.0.1",
                command_criteria = new[] { "type:postgres" },
                cluster_criteria = new[] { "data:local" },
                context = new { query = one.Query, return_result = true },
            }),
        };
        if (prefer is not null)
        {
            request.Headers.Add("Prefer", prefer);
        }
        return await SendAsync(request, format, cancellationToken);
    }

    private async Task<Guid> StoreAsync(ValueCase one, CancellationToken cancellationToken)
    {
        var job = JsonDocument.Parse(await PostAsync(one, Json, "respond-async, wait=30", cancellationToken)).RootElement;
        Assert.That(job.GetProperty("status").GetString(), Is.EqualTo("SUCCEEDED"), job.ToString());
        return job.GetProperty("id").GetGuid();
    }

    private async Task<byte[]> SendAsync(HttpRequestMessage request, string format, CancellationToken cancellationToken)
    {
        request.Headers.Add("Accept", format);
        using var response = await _heimdall.Client.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        Assert.That((int)response.StatusCode, Is.EqualTo(200), () => Encoding.UTF8.GetString(body));
        Assert.That(response.Content.Headers.ContentType?.ToString(), Is.EqualTo($"{format}; charset=utf-8"));
        return body;
    }

    private Task AssertIsAsync(PsqlRows shown, string format, byte[] body, CancellationToken cancellationToken)
    {
        if (format == Csv)
        {
            return AssertIsCsvAsync(shown, body, cancellationToken);
        }
        if (format == Json)
        {
            AssertIsJson(shown, body);
        }
        else
        {
            AssertIsNdjson(shown, body);
        }
        return Task.CompletedTask;
    }

    private static void AssertIsJson(PsqlRows shown, byte[] body)
    {
        using var document = JsonDocument.Parse(body, Deep);
        var root = document.RootElement;
        var result = root.TryGetProperty("result", out var nested) ? nested : root;

        AssertColumns(shown, result.GetProperty("columns"));
        AssertRows(shown, result.GetProperty("data").EnumerateArray(), onOneLine: false);
        AssertEnding(shown, root);
    }

    private static void AssertIsNdjson(PsqlRows shown, byte[] body)
    {
        var lines = Utf8.GetString(body).Split('\n');
        Assert.That(lines[^1], Is.Empty, "The last line has no end.");
        var elements = lines[..^1].Select(line => JsonElement.Parse(line, Deep)).ToArray();

        Assert.That(elements[0].EnumerateObject().Last().Name, Is.EqualTo("columns"));
        AssertColumns(shown, elements[0].GetProperty("columns"));
        AssertRows(shown, elements[1..^1], onOneLine: true);
        AssertEnding(shown, elements[^1]);
    }

    private async Task AssertIsCsvAsync(PsqlRows shown, byte[] body, CancellationToken cancellationToken)
    {
        var expected = shown.Rows.Select(row => DocumentedForm.OfCsv(shown, row)).ToArray();
        var text = Utf8.GetString(body);

        // Nothing tells a line without fields from one with an empty field.
        var records = CsvText.Read(text).Select(record => shown.Columns.Count == 0 && record is [null] ? [] : record).ToArray();
        Assert.That(records[0], Is.EqualTo(shown.Columns.Select(column => column.Name)));
        AssertSame(records[1..], expected, "by RFC 4180");
        if (shown.Columns.Count <= CopiedCsv.MaxColumns)
        {
            AssertSame(await CopiedCsv.ReadAsync(_target, text, shown.Columns.Count, cancellationToken), expected, "by COPY");
        }
    }

    private static void AssertColumns(PsqlRows shown, JsonElement columns)
    {
        var served = columns.EnumerateArray().Select(column => new[] { column.GetProperty("name").GetString(), column.GetProperty("type").GetString() });

        AssertSame([.. served], [.. shown.Columns.Select(column => new[] { column.Name, column.Type })], "columns");
    }

    private static void AssertRows(PsqlRows shown, IEnumerable<JsonElement> rows, bool onOneLine)
    {
        var expected = shown.Rows.Select(row => DocumentedForm.OfJson(shown, row, onOneLine)).ToArray();

        AssertSame([.. rows.Select(row => DocumentedForm.Describe(shown, row))], expected, "rows");
    }

    /// <summary>Only of what differs does it pay to let NUnit say where.</summary>
    private static void AssertSame(IReadOnlyList<string?[]> served, string?[][] expected, string what)
    {
        if (served.Count != expected.Length || !served.Zip(expected).All(pair => pair.First.SequenceEqual(pair.Second)))
        {
            Assert.That(served, Is.EqualTo(expected), what);
        }
    }

    /// <summary>Whoever reads up to here has all of it.</summary>
    private static void AssertEnding(PsqlRows shown, JsonElement element)
    {
        var last = element.EnumerateObject().TakeLast(3).Select(member => $"{member.Name} {member.Value}");

        Assert.That(last, Is.EqualTo(new[] { $"row_count {shown.Rows.Count}", "truncated False", "status SUCCEEDED" }));
    }
}
