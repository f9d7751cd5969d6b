using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>
/// Requests that nobody would send, to every address with every method. Whatever is wrong with them is the client's
/// fault: none is answered 500, each is answered, and the server lives.
/// </summary>
[CancelAfter(1_800_000)]
public sealed class EndpointFuzzTests
{
    /// <summary>Of the short run: what it finds, it finds each time.</summary>
    private const int UsualSeed = 20_261_130;

    private static readonly int Seed =
        TestSetting.Number("HEIMDALL_SEED") ?? (TestSetting.IsLong ? Random.Shared.Next(1_000_000_000) : UsualSeed);

    private static readonly TimeSpan LongTime = TimeSpan.FromMinutes(10);
    private const int Requests = 1_500;
    private const int MostFaults = 20;

    private static readonly string[] Methods =
    [
        "GET", "GET", "POST", "POST", "POST", "PUT", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW",
    ];

    private static readonly string[] Dashboard =
    [
        "/hangfire", "/hangfire/sql/overview", "/hangfire/sql/engine", "/hangfire/sql/audit", "/hangfire/stats", "/hangfire/sql/jobs", "/hangfire/sql/jobs/{id}", "/hangfire/sql/jobs/{id}/live",
        "/hangfire/sql/jobs/{id}/stdout", "/hangfire/sql/jobs/{id}/cancel", "/hangfire/sql/jobs/{id}/retry",
        "/hangfire/sql/schedules", "/hangfire/sql/schedules/{id}", "/hangfire/sql/schedules/{id}/trigger",
        "/hangfire/sql/hooks", "/hangfire/sql/hooks/test", "/hangfire/sql/hooks/{id}/redeliver",
        "/hangfire/sql/clusters", "/hangfire/sql/pauses/add", "/hangfire/sql/pauses/end",
        "/hangfire/jobs/enqueued", "/hangfire/jobs/details/{id}", "/hangfire/recurring", "/hangfire/servers",
        "/hangfire/jobs/failed/requeue", "/hangfire/recurring/trigger", "/nothing", "/", "/healthz", "/readyz",
    ];

    private static readonly string[] Texts =
    [
        "", " ", "x", "postgres", "_id:postgres", "type:postgres", "ACTIVE", "select 1", "select :a",
        "select $1::int", "\\", "'",
        "\0", "\ud800", "é😀", "%", "%00", "..", "../x.sql", "a.sql", "/etc/passwd", "NaN", "1e400", "-1",
        "2026-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1s", "99999999999d", "* * * * *", "H H * * *",
        "@every_second",
        "Europe/Berlin", "true", "null", "[]", "{}", "\"", "W/\"x\"", "*", "01980f3e-0000-7000-8000-000000000000",
        "<script>", "a b", "\r\nX: y", "text/csv; header=absent", "wait=0", "respond-async, wait=1", "bytes=0-1", "1.1",
    ];

    private static readonly string[] Fields =
    [
        "name", "version", "description", "tags", "command_criteria", "cluster_criteria", "context", "priority",
        "after",
        "start_after", "start_before", "on_end", "dry_run", "query", "return_result", "parameters", "variables", "role",
        "search_path",
        "timeout_seconds", "row_limit", "byte_limit", "transaction", "on_error", "psql", "read_only", "numbers",
        "status",
        "reason", "until", "cron", "day", "timezone", "misfire", "max_lateness", "overlap", "starts_at", "ends_at",
        "from_statement", "value", "type", "job", "on", "unknown", "", "\0", "é",
    ];

    private static readonly string[] Parameters =
    [
        "limit", "cursor", "id", "status", "user", "tag", "text", "order_by", "direction", "created_after", "follow",
        "offset",
        "prefix", "after", "count", "x",
    ];

    private static readonly string[] Types =
    [
        "application/json", "application/json", "application/json", "application/json; charset=bogus", "text/plain",
        "x", "",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data",
        "application/*+json",
    ];

    private HeimdallInstance _heimdall = null!;
    private string[] _paths = [];
    private string[] _ids = [];

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with
            {
                SqlUploads = "enabled: true, max_bytes: 100000",
                Server = "max_body_bytes: 200000",
            },
            worker: false);
        var description = (await _heimdall.GetAsync("/openapi/v1.json", CancellationToken.None)).Json;
        _paths = [.. description.GetProperty("paths").EnumerateObject().Select(path => path.Name), .. Dashboard];
        _ids = [$"{await _heimdall.EnqueueAsync("select 1", CancellationToken.None)}", "postgres", "postgres-0.0.1", "a.sql", .. Texts];
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task No_request_is_a_fault_of_the_server(CancellationToken cancellationToken)
    {
        await TestContext.Out.WriteLineAsync($"HEIMDALL_SEED={Seed}");
        var started = Stopwatch.GetTimestamp();
        var answers = new SortedDictionary<int, int>();
        var faults = new List<string>();
        for (var round = 0; TestSetting.IsLong ? Stopwatch.GetElapsedTime(started) < LongTime : round < Requests; round++)
        {
            var random = new Random(Seed + round);
            var (method, path) = (Pick(random, Methods), Path(random));
            var (text, type, headers) = (Body(random), Pick(random, Types), Headers(random));
            var described = $"HEIMDALL_SEED={Seed + round}: {method} {path} ({type}) {string.Join(", ", headers)} {text}";
            int status;
            try
            {
                status = await SendAsync(method, path, type, headers, text, cancellationToken);
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                throw new AssertionException($"{described}: {exception}", exception);
            }

            if (status == 500 && faults.Count < MostFaults)
            {
                faults.Add(described);
            }
            answers[status] = answers.GetValueOrDefault(status) + 1;
        }

        await TestContext.Out.WriteLineAsync(string.Join(", ",
            answers.Select(answer => $"{answer.Key}: {answer.Value}")));
        faults.ForEach(TestContext.Out.WriteLine);
        Assert.That(faults, Is.Empty);
        Assert.That(answers.Keys, Is.SupersetOf(new[] { 200, 400, 404, 405, 415 }),
            "the requests reach what they are for");
        (await _heimdall.GetAsync("/healthz", cancellationToken)).AssertStatus(200);
        Assert.That(string.Concat(_heimdall.Logs), Does.Not.Contain("unhandled exception"));
    }

    private async Task<int> SendAsync(
        string method, string path, string type, IReadOnlyList<(string Name, string Value)> headers, string body,
        CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method is not ("GET" or "HEAD" or "OPTIONS" or "TRACE"))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        // What follows a job has no end here: nothing runs it.
        using var reply = await _heimdall.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead,
            cancellationToken);
        var isStream = reply.Content.Headers.ContentType is MediaTypeHeaderValue { MediaType: "text/event-stream" }
            || path.Contains("follow=", StringComparison.Ordinal);
        if (!isStream)
        {
            await reply.Content.ReadAsByteArrayAsync(cancellationToken);
        }
        return (int)reply.StatusCode;
    }

    private string Path(Random random)
    {
        var path = Pick(random, _paths);
        while (path.IndexOf('{', StringComparison.Ordinal) is >= 0 and var start)
        {
            var id = random.Next(3) == 0 ? Pick(random, _ids) : _ids[0];
            var end = path.IndexOf('}', start) + 1;
            path = $"{path[..start]}{Escape(path.Contains("cluster", StringComparison.Ordinal) && random.Next(2) == 0 ? "postgres" : id)}{path[end..]}";
        }
        if (random.Next(3) == 0)
        {
            var query = Enumerable.Range(0, random.Next(1, 4))
                .Select(_ => $"{Pick(random, Parameters)}={Escape(Pick(random, Texts))}");
            path = $"{path}?{string.Join('&', query)}";
        }
        return path;
    }

    private static List<(string Name, string Value)> Headers(Random random)
    {
        string[] names =
        [
            "Accept", "Prefer", "Idempotency-Key", "If-Match", "If-None-Match", "Range", "Last-Event-ID",
            "Accept-Encoding", "X-Heimdall-User", "Authorization", "traceparent", "Content-Encoding", "Cookie",
        ];
        return
        [
            .. Enumerable.Range(0, random.Next(3)).Select(_ => (Pick(random, names), OneLine(Pick(random, Texts)))),
        ];
    }

    private static string Body(Random random) => random.Next(6) switch
    {
        0 => Pick(random, Texts),
        1 => new string('[', random.Next(200)),
        2 => Break(random, Job(random).ToJsonString()),
        3 => Job(random).ToJsonString(),
        4 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Job(random))]).ToJsonString(),
        _ => Value(random, depth: 0)?.ToJsonString() ?? "null",
    };

    /// <summary>A job that could run, with a field or two of another kind.</summary>
    private static JsonObject Job(Random random)
    {
        var job = new JsonObject
        {
            ["name"] = "fuzz",
            ["command_criteria"] = new JsonArray("type:postgres"),
            ["cluster_criteria"] = new JsonArray("_id:postgres"),
            ["context"] = new JsonObject { ["query"] = "select 1", ["return_result"] = random.Next(2) == 0 },
        };
        for (var i = random.Next(3); i > 0; i--)
        {
            var where = random.Next(2) == 0 ? job : job["context"] as JsonObject ?? job;
            where[Pick(random, Fields)] = Value(random, depth: 1);
        }
        return job;
    }

    private static JsonNode? Value(Random random, int depth) => random.Next(depth > 3 ? 6 : 8) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 => random.Next(-3, 200),
        3 => JsonNode.Parse(Pick(random, ["1e400", "-0.0", "123456789012345678901234567890", "1.5e-300",
            "2147483648"])),
        4 or 5 => JsonValue.Create(Readable(Pick(random, Texts))),
        6 => new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth + 1))]),
        _ => Map(random, depth),
    };

    private static JsonObject Map(Random random, int depth)
    {
        var map = new JsonObject();
        for (var i = random.Next(4); i > 0; i--)
        {
            map[Pick(random, Fields)] = Value(random, depth + 1);
        }
        return map;
    }

    private static string Break(Random random, string json)
    {
        var at = random.Next(json.Length);
        return random.Next(3) switch
        {
            0 => json[..at],
            1 => $"{json[..at]}{Pick(random, ["\"", "{", "\\ud800", "\u0001", ","])}{json[at..]}",
            _ => json.Replace("\"name\":", "\"name\":1,\"name\":", StringComparison.Ordinal),
        };
    }

    /// <summary>The writer of JSON takes no half of a character.</summary>
    private static string Readable(string text) => text.Contains('\ud800', StringComparison.Ordinal) ? "half" : text;

    private static string OneLine(string text) => string.Concat(Readable(text).Where(c => c is >= ' ' and < '\u007f'));

    private static string Escape(string text) => Uri.EscapeDataString(Readable(text));

    private static string Pick(Random random, string[] items) => items[random.Next(items.Length)];
}
