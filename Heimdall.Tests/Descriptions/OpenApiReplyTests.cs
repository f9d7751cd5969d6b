using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Descriptions;

/// <summary>
/// Replies of a running API are as the OpenAPI document describes them: status, headers, media type, and each member
/// of the JSON. Nothing that the document lacks is in them, and nothing that it requires is missing.
/// </summary>
[CancelAfter(120_000)]
public sealed class OpenApiReplyTests
{
    private static readonly Guid _unknown = Guid.Parse("01980f3e-0000-7000-8000-000000000000");

    private readonly List<string> _differences = [];
    private readonly List<string> _seen = [];

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => (config with
        {
            Server = "max_body_bytes: 20000",
            SqlUploads = "enabled: true",
            Hooks = "allow: [127.0.0.2], receivers: [{id: ops, url: \"http://127.0.0.2:1/\", "
                + "secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}]",
        }).WithCluster("down", "type:postgres, data:local, data:down", "postgresql://127.0.0.1:1/nothing"));
        var document = await OpenApiDocumentTests.ReadAsync(_heimdall);
        _heimdall.OnReply = (request, reply) =>
        {
            var (method, path) = (request.Method.Method, request.RequestUri!.PathAndQuery);
            path = path.StartsWith('/') ? path : request.RequestUri.AbsolutePath;
            lock (_seen)
            {
                _seen.Add($"{method} {path} {(int)reply.Status}");
                var headers = reply.Headers.Select(header => header.Key);
                _differences.AddRange(document
                    .FindDifferences(method, path, (int)reply.Status, reply.ContentType, headers, reply.Text)
                    .Select(difference => $"{method} {path}: {difference}"));
            }
        };
    }

    [SetUp]
    public void Forget()
    {
        _differences.Clear();
        _seen.Clear();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Of_submissions()
    {
        await SubmitAsync(200, "select 1 as one", true);
        await SubmitAsync(202, "select 1 as one", true, "respond-async");
        await SubmitAsync(200, "select 1 as one", true, "wait=30");
        await SubmitAsync(200, "select 1", false, "wait=30");
        await SubmitAsync(200, "select 1/0", false, "wait=30");
        await SubmitAsync(400, "select 1/0", true);
        await SubmitAsync(400, "seletc", true);
        await PostAsync(200, "/api/v1/job", Job("create table d (i int)", ", \"dry_run\": true"));
        await PostAsync(400, "/api/v1/job", "{");
        await PostAsync(413, "/api/v1/job", $"\"{new string('x', 30_000)}\"");
        await PostAsync(422, "/api/v1/job", Job("select 1", cluster: "data:mars"));
        // 503, or 202 where nobody has noticed yet that the cluster is down.
        await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/job", Token, Body(Job("select 1", cluster: "data:down")));
        var second = Job("select 2", ", \"after\": [0], \"priority\": 5");
        await PostAsync(202, "/api/v1/jobs", $"[{Job("select 1")}, {second}]");
        await PostAsync(200, "/api/v1/resolve", Job("select 1"));
        await SendAsync(415, HttpMethod.Post, "/api/v1/job", new StringContent("x"));

        AssertNoDifference(15);
    }

    [Test]
    public async Task Of_repeated_submissions()
    {
        (string, string) key = ("Idempotency-Key", "same");
        await PostAsync(202, "/api/v1/job", Job("select 1"), key);
        await PostAsync(202, "/api/v1/job", Job("select 1"), key);
        await PostAsync(422, "/api/v1/job", Job("select 2"), key);

        AssertNoDifference(3);
    }

    [Test]
    public async Task Of_rows_in_each_format()
    {
        var queued = await SubmitAsync(202, "select i, 'x' || i from generate_series(1, 5) i", true, "respond-async");
        await _heimdall.WaitForEndAsync(queued.Id, Token);
        foreach (var accept in new[] { "application/json", "application/x-ndjson", "text/csv" })
        {
            await GetAsync(200, $"/api/v1/job/{queued.Id}/result?limit=2", ("Accept", accept));
            var query = Body(Job("select 1", returnsResult: true));
            await SendAsync(200, HttpMethod.Post, "/api/v1/job", query, ("Accept", accept));
        }
        var tag = (await GetAsync(200, $"/api/v1/job/{queued.Id}/result")).Header("ETag")!;
        await GetAsync(304, $"/api/v1/job/{queued.Id}/result", ("If-None-Match", tag));
        await GetAsync(406, $"/api/v1/job/{queued.Id}/result", ("Accept", "image/png"));
        await GetAsync(400, $"/api/v1/job/{queued.Id}/result?limit=0");
        await SendAsync(200, HttpMethod.Head, $"/api/v1/job/{queued.Id}/result");

        AssertNoDifference(8);
    }

    [Test]
    public async Task Of_a_job()
    {
        const string Later = ", \"start_after\": \"2999-01-01T00:00:00Z\", \"tags\": [\"a\"]";
        var failed = await SubmitAsync(
            200, "do $$ begin raise notice 'hello'; end $$; select 1/0", returnsResult: false, "wait=30");
        var waiting = await PostAsync(202, "/api/v1/job", Job("select 1", Later));
        var running = await PostAsync(202, "/api/v1/job", Job("select pg_sleep(600)"));
        await _heimdall.WaitForStatusAsync(running.Id, "RUNNING", Token);
        var stands = await GetAsync(200, $"/api/v1/job/{running.Id}/status");

        foreach (var id in new[] { failed.Id, waiting.Id, running.Id })
        {
            await GetAsync(200, $"/api/v1/job/{id}");
            await GetAsync(200, $"/api/v1/job/{id}/status");
            await GetAsync(200, $"/api/v1/job/{id}/attempts");
            await GetAsync(200, $"/api/v1/job/{id}/stdout");
            await GetAsync(200, $"/api/v1/job/{id}/stderr");
            await GetAsync(404, $"/api/v1/job/{id}/result");
        }
        await GetAsync(200, $"/api/v1/job/{running.Id}", ("Prefer", "wait=0"));
        await GetAsync(200, $"/api/v1/job/{failed.Id}/events");
        await GetAsync(204, $"/api/v1/job/{failed.Id}/events", ("Last-Event-ID", "end"));
        await GetAsync(400, $"/api/v1/job/{failed.Id}/events", ("Last-Event-ID", "x"));
        await CancelAsync(200, waiting.Id);
        var asked = await CancelAsync(202, running.Id);
        await CancelAsync(409, failed.Id);
        await CancelAsync(404, _unknown);
        await PostAsync(200, $"/api/v1/job/{failed.Id}/retry", "{}", ("Prefer", "wait=30"));
        await PostAsync(202, $"/api/v1/job/{failed.Id}/retry", "{}");
        await PostAsync(409, $"/api/v1/job/{failed.Id}/retry", "{\"from_statement\": 2}");
        await PostAsync(404, $"/api/v1/job/{_unknown}/retry", "{}");
        foreach (var part in new[] { "", "/status", "/attempts", "/stdout", "/stderr", "/events", "/result" })
        {
            await GetAsync(404, $"/api/v1/job/{_unknown}{part}");
        }

        Assert.That(stands.Header("Retry-After"), Is.EqualTo("1"), "what has not ended can be asked for again");
        Assert.That(asked.Header("Retry-After"), Is.EqualTo("1"));
        AssertNoDifference(30);
    }

    [Test]
    public async Task Of_lists()
    {
        await SubmitAsync(200, "select 1", true);
        await SubmitAsync(200, "select 1", true);
        await GetAsync(200, "/api/v1/jobs?limit=1");
        await GetAsync(200, "/api/v1/jobs?text=select&status=SUCCEEDED&status=FAILED");
        await GetAsync(400, "/api/v1/jobs?colour=red");
        await GetAsync(200, "/api/v1/job/statuses");
        await GetAsync(200, "/api/v1/command/statuses");
        await GetAsync(200, "/api/v1/cluster/statuses");
        await GetAsync(200, "/api/v1/me");
        await GetAsync(200, "/api/v1/audit?limit=200");
        await GetAsync(200, "/api/v1/keys");
        await GetAsync(400, "/api/v1/audit?limit=0");
        await GetAsync(200, "/");
        await GetAsync(200, "/healthz");
        await GetAsync(200, "/readyz");

        AssertNoDifference(12);
    }

    [Test]
    public async Task Of_hooks()
    {
        var told = await PostAsync(202, "/api/v1/hooks/ops/test", "");
        await GetAsync(200, $"/api/v1/hooks/deliveries/{told.Id}");
        await PostAsync(202, $"/api/v1/hooks/deliveries/{told.Id}/redeliver", "");
        await PostAsync(404, $"/api/v1/hooks/deliveries/{_unknown}/redeliver", "");
        await PostAsync(404, "/api/v1/hooks/nothing/test", "");
        await GetAsync(200, "/api/v1/hooks");
        await GetAsync(200, "/api/v1/hooks/deliveries?limit=1");
        await GetAsync(400, "/api/v1/hooks/deliveries?limit=0");
        await GetAsync(404, $"/api/v1/hooks/deliveries/{_unknown}");
        await GetAsync(404, $"/api/v1/job/{_unknown}/deliveries");

        AssertNoDifference(10);
    }

    [TestCase("command", "postgres-0.0.1")]
    [TestCase("cluster", "postgres")]
    public async Task Of_the_catalog(string kind, string id)
    {
        await PostAsync(200, $"/api/v1/{kind}/{id}/pause", "{\"reason\": \"r\", \"until\": \"2999-01-01T00:00:00Z\"}");
        await GetAsync(200, $"/api/v1/{kind}s");
        await GetAsync(200, $"/api/v1/{kind}/{id}");
        await PostAsync(200, $"/api/v1/{kind}/{id}/resume", "");
        await GetAsync(200, $"/api/v1/{kind}/{id}/status");
        await SendAsync(200, HttpMethod.Put, $"/api/v1/{kind}/{id}/status", Body("{\"status\": \"ACTIVE\"}"));
        await SendAsync(400, HttpMethod.Put, $"/api/v1/{kind}/{id}/status", Body("{\"status\": \"?\"}"));
        await GetAsync(404, $"/api/v1/{kind}/unknown");
        await PostAsync(404, $"/api/v1/{kind}/unknown/pause", "{}");
        await PostAsync(200, "/api/v1/queue/pause", "{\"reason\": \"r\"}");
        await GetAsync(200, "/api/v1/queue");
        await PostAsync(200, "/api/v1/queue/resume", "");

        AssertNoDifference(11);
    }

    [Test]
    public async Task Of_probes()
    {
        await GetAsync(200, "/api/v1/cluster/postgres/health");
        await GetAsync(503, "/api/v1/cluster/down/health");
        await GetAsync(503, "/api/v1/clusters/health");

        AssertNoDifference(3);
    }

    [Test]
    public async Task Of_schedules()
    {
        const string Path = "/api/v1/schedule/described";
        var definition = Body(
            """
            {"cron": "0 3 1 * 1", "day": "or", "timezone": "Europe/Berlin", "max_lateness": "1h",
             "ends_at": "2999-01-01T00:00:00Z", "command_criteria": ["type:postgres"],
             "cluster_criteria": ["data:local"], "context": {"query": "select 1"}}
            """);
        await SendAsync(201, HttpMethod.Put, Path, definition, ("If-None-Match", "*"));
        await SendAsync(400, HttpMethod.Put, Path, Body("{\"cron\": \"?\"}"));
        await PostAsync(202, $"{Path}/trigger", "", ("Idempotency-Key", "k"));
        await PostAsync(202, $"{Path}/trigger", "", ("Idempotency-Key", "k"));
        await PostAsync(200, $"{Path}/pause", "{\"reason\": \"r\"}");
        await GetAsync(200, "/api/v1/schedules");
        await PostAsync(200, $"{Path}/resume", "");
        await GetAsync(200, Path);
        await GetAsync(200, $"{Path}/runs?outcome=FIRED&limit=1");
        await GetAsync(200, $"{Path}/next?count=2");
        await GetAsync(400, $"{Path}/next?count=0");
        await SendAsync(412, HttpMethod.Delete, Path, null, ("If-Match", "\"x\""));
        await SendAsync(204, HttpMethod.Delete, Path);
        await GetAsync(404, Path);
        await PostAsync(404, $"{Path}/trigger", "");

        AssertNoDifference(13);
    }

    [Test]
    public async Task Of_scripts()
    {
        const string Path = "/api/v1/sql/described/one.sql";
        await SendAsync(201, HttpMethod.Put, Path, new StringContent("select 1"));
        await SendAsync(200, HttpMethod.Put, Path, new StringContent("select 2"));
        var script = await GetAsync(200, Path);
        await GetAsync(304, Path, ("If-None-Match", script.Header("ETag")!));
        await SendAsync(412, HttpMethod.Put, Path, new StringContent("x"), ("If-None-Match", "*"));
        await SendAsync(400, HttpMethod.Put, "/api/v1/sql/no", new StringContent("x"));
        await GetAsync(200, "/api/v1/sql?limit=1");
        await GetAsync(400, "/api/v1/sql?limit=0");
        await GetAsync(404, "/api/v1/sql/unknown.sql");
        await SendAsync(204, HttpMethod.Delete, Path);

        AssertNoDifference(9);
    }

    [Test]
    public async Task A_reply_that_differs_is_seen()
    {
        var document = await OpenApiDocumentTests.ReadAsync(_heimdall);

        string[] differences =
        [
            .. document.FindDifferences(
                "GET", "/api/v1/queue", 200, "application/json", [], """{"pauses": [{"scope": "?"}], "x": 1}"""),
            .. document.FindDifferences("GET", "/api/v1/queue", 418, null, [], ""),
            .. document.FindDifferences("GET", "/api/v1/queue", 200, "text/csv", ["ETag"], "a"),
        ];

        Assert.That(differences, Is.EqualTo(new[]
        {
            "200: $.pauses[0].paused_by is missing", "200: $.pauses[0].paused_at is missing",
            "200: $.pauses[0].scope is ?, which is not among [\"queue\",\"cluster\",\"command\"]",
            "200: $.x is not described: 1",
            "418 is not described: ",
            "200 has the header ETag, which is not described", "200 is text/csv, which is not described: a",
        }).Using<string>((one, other) => WithoutBlanks(one) == WithoutBlanks(other)));

        static string WithoutBlanks(string text) => string.Concat(text.Where(one => !char.IsWhiteSpace(one)));
    }

    private void AssertNoDifference(int replies)
    {
        Assert.That(_seen, Has.Count.AtLeast(replies), string.Join('\n', _seen));
        Assert.That(_differences.Distinct(), Is.Empty);
    }

    private Task<Reply> SubmitAsync(int status, string query, bool returnsResult, string? prefer = null)
    {
        (string, string)[] headers = prefer is null ? [] : [("Prefer", prefer)];
        return PostAsync(status, "/api/v1/job", Job(query, returnsResult: returnsResult), headers);
    }

    private Task<Reply> GetAsync(int status, string path, params (string, string)[] headers) =>
        SendAsync(status, HttpMethod.Get, path, null, headers);

    private Task<Reply> PostAsync(int status, string path, string body, params (string, string)[] headers) =>
        SendAsync(status, HttpMethod.Post, path, body.Length == 0 ? null : Body(body), headers);

    private Task<Reply> CancelAsync(int status, Guid id) => PostAsync(status, $"/api/v1/job/{id}/cancel", "");

    private async Task<Reply> SendAsync(
        int status, HttpMethod method, string path, HttpContent? content = null, params (string, string)[] headers) =>
        (await _heimdall.SendAsync(method, path, Token, content, headers)).AssertStatus(status);

    private static CancellationToken Token => TestContext.CurrentContext.CancellationToken;

    private static StringContent Body(string json) => new(json, Encoding.UTF8, "application/json");

    private static string Job(
        string query, string more = "", bool returnsResult = false, string cluster = "_id:postgres") =>
        $$"""
        {"name": "described", "version": "1", "description": "d", "command_criteria": ["type:postgres"],
         "cluster_criteria": ["{{cluster}}"],
         "context": {"query": "{{query}}", "return_result": {{(returnsResult ? "true" : "false")}}}{{more}}}
        """;
}
