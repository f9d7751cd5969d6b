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
        }).WithCluster("down", "type:postgres, data:local, data:down", "postgresql://127.0.0.1:1/nothing"));
        var document = await OpenApiDocumentTests.ReadAsync(_heimdall);
        _heimdall.OnReply = (request, reply) =>
        {
            var (method, path) = (request.Method.Method, request.RequestUri!.PathAndQuery);
            path = path.StartsWith('/') ? path : request.RequestUri.AbsolutePath;
            lock (_seen)
            {
                _seen.Add($"{method} {path} {(int)reply.Status}");
                _differences.AddRange(document.FindDifferences(
                        method, path, (int)reply.Status, reply.ContentType, reply.Headers.Select(header => header.Key), reply.Text)
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
    public async Task Of_submissions(CancellationToken cancellationToken)
    {
        (await SubmitAsync("select 1 as one", true, cancellationToken)).AssertStatus(200);
        (await SubmitAsync("select 1 as one", true, cancellationToken, "respond-async")).AssertStatus(202);
        (await SubmitAsync("select 1 as one", true, cancellationToken, "wait=30")).AssertStatus(200);
        (await SubmitAsync("select 1", false, cancellationToken, "wait=30")).AssertStatus(200);
        (await SubmitAsync("select 1/0", false, cancellationToken, "wait=30")).AssertStatus(200);
        (await SubmitAsync("select 1/0", true, cancellationToken)).AssertStatus(400);
        (await SubmitAsync("seletc", true, cancellationToken)).AssertStatus(400);
        (await PostAsync("/api/v1/job", Job("create table d (i int)", ", \"dry_run\": true"), cancellationToken)).AssertStatus(200);
        (await PostAsync("/api/v1/job", "{", cancellationToken)).AssertStatus(400);
        (await PostAsync("/api/v1/job", $"\"{new string('x', 30_000)}\"", cancellationToken)).AssertStatus(413);
        (await PostAsync("/api/v1/job", Job("select 1").Replace("_id:postgres", "data:mars", StringComparison.Ordinal), cancellationToken)).AssertStatus(422);
        await PostAsync("/api/v1/job", Job("select 1").Replace("_id:postgres", "data:down", StringComparison.Ordinal), cancellationToken);
        (await PostAsync("/api/v1/jobs", $"[{Job("select 1")}, {Job("select 2", ", \"after\": [0], \"priority\": 5")}]", cancellationToken)).AssertStatus(202);
        (await PostAsync("/api/v1/resolve", Job("select 1"), cancellationToken)).AssertStatus(200);
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, new StringContent("x"))).AssertStatus(415);

        AssertNoDifference(15);
    }

    [Test]
    public async Task Of_repeated_submissions(CancellationToken cancellationToken)
    {
        (string, string) key = ("Idempotency-Key", "same");
        (await PostAsync("/api/v1/job", Job("select 1"), cancellationToken, key)).AssertStatus(202);
        (await PostAsync("/api/v1/job", Job("select 1"), cancellationToken, key)).AssertStatus(202);
        (await PostAsync("/api/v1/job", Job("select 2"), cancellationToken, key)).AssertStatus(422);

        AssertNoDifference(3);
    }

    [Test]
    public async Task Of_rows_in_each_format(CancellationToken cancellationToken)
    {
        var queued = (await SubmitAsync("select i, 'x' || i as x from generate_series(1, 5) i", true, cancellationToken, "respond-async"))
            .AssertStatus(202);
        await _heimdall.WaitForEndAsync(queued.Id, cancellationToken);
        foreach (var accept in new[] { "application/json", "application/x-ndjson", "text/csv" })
        {
            (await GetAsync($"/api/v1/job/{queued.Id}/result?limit=2", cancellationToken, ("Accept", accept))).AssertStatus(200);
            (await _heimdall.SendAsync(
                HttpMethod.Post, "/api/v1/job", cancellationToken, Body(Job("select 1", returnsResult: true)), ("Accept", accept))).AssertStatus(200);
        }
        var tag = (await GetAsync($"/api/v1/job/{queued.Id}/result", cancellationToken)).Header("ETag")!;
        (await GetAsync($"/api/v1/job/{queued.Id}/result", cancellationToken, ("If-None-Match", tag))).AssertStatus(304);
        (await GetAsync($"/api/v1/job/{queued.Id}/result", cancellationToken, ("Accept", "image/png"))).AssertStatus(406);
        (await GetAsync($"/api/v1/job/{queued.Id}/result?limit=0", cancellationToken)).AssertStatus(400);
        (await _heimdall.SendAsync(HttpMethod.Head, $"/api/v1/job/{queued.Id}/result", cancellationToken)).AssertStatus(200);

        AssertNoDifference(8);
    }

    [Test]
    public async Task Of_a_job(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table if not exists slow (i int)", cancellationToken);
        var failed = (await PostAsync(
            "/api/v1/job", Job("do $$ begin raise notice 'hello'; end $$; select 1/0"), cancellationToken, ("Prefer", "wait=30")))
            .AssertStatus(200);
        var waiting = (await PostAsync(
            "/api/v1/job", Job("select 1", ", \"start_after\": \"2999-01-01T00:00:00Z\", \"tags\": [\"a\"]"), cancellationToken))
            .AssertStatus(202);
        var running = (await PostAsync("/api/v1/job", Job("select pg_sleep(600)"), cancellationToken)).AssertStatus(202);
        await _heimdall.WaitForStatusAsync(running.Id, "RUNNING", cancellationToken);

        foreach (var id in new[] { failed.Id, waiting.Id, running.Id })
        {
            (await GetAsync($"/api/v1/job/{id}", cancellationToken)).AssertStatus(200);
            (await GetAsync($"/api/v1/job/{id}/status", cancellationToken)).AssertStatus(200);
            (await GetAsync($"/api/v1/job/{id}/attempts", cancellationToken)).AssertStatus(200);
            (await GetAsync($"/api/v1/job/{id}/stdout", cancellationToken)).AssertStatus(200);
            (await GetAsync($"/api/v1/job/{id}/stderr", cancellationToken)).AssertStatus(200);
            (await GetAsync($"/api/v1/job/{id}/result", cancellationToken)).AssertStatus(404);
        }
        (await GetAsync($"/api/v1/job/{running.Id}", cancellationToken, ("Prefer", "wait=0"))).AssertStatus(200);
        (await GetAsync($"/api/v1/job/{failed.Id}/events", cancellationToken)).AssertStatus(200);
        (await GetAsync($"/api/v1/job/{failed.Id}/events", cancellationToken, ("Last-Event-ID", "end"))).AssertStatus(204);
        (await GetAsync($"/api/v1/job/{failed.Id}/events", cancellationToken, ("Last-Event-ID", "x"))).AssertStatus(400);
        (await _heimdall.CancelAsync(waiting.Id, cancellationToken)).AssertStatus(200);
        (await _heimdall.CancelAsync(running.Id, cancellationToken)).AssertStatus(202);
        (await _heimdall.CancelAsync(failed.Id, cancellationToken)).AssertStatus(409);
        (await _heimdall.CancelAsync(_unknown, cancellationToken)).AssertStatus(404);
        (await PostAsync($"/api/v1/job/{failed.Id}/retry", "{}", cancellationToken, ("Prefer", "wait=30"))).AssertStatus(200);
        (await PostAsync($"/api/v1/job/{failed.Id}/retry", "{}", cancellationToken)).AssertStatus(202);
        (await PostAsync($"/api/v1/job/{failed.Id}/retry", "{\"from_statement\": 2}", cancellationToken)).AssertStatus(409);
        (await PostAsync($"/api/v1/job/{_unknown}/retry", "{}", cancellationToken)).AssertStatus(404);
        foreach (var part in new[] { "", "/status", "/attempts", "/stdout", "/stderr", "/events", "/result" })
        {
            (await GetAsync($"/api/v1/job/{_unknown}{part}", cancellationToken)).AssertStatus(404);
        }

        AssertNoDifference(30);
    }

    [Test]
    public async Task Of_lists(CancellationToken cancellationToken)
    {
        await SubmitAsync("select 1", true, cancellationToken);
        await SubmitAsync("select 1", true, cancellationToken);
        (await GetAsync("/api/v1/jobs?limit=1", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/jobs?text=select&status=SUCCEEDED&status=FAILED", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/jobs?colour=red", cancellationToken)).AssertStatus(400);
        (await GetAsync("/api/v1/job/statuses", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/command/statuses", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/cluster/statuses", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/me", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/audit?limit=200", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/audit?limit=0", cancellationToken)).AssertStatus(400);
        (await GetAsync("/", cancellationToken)).AssertStatus(200);
        (await GetAsync("/healthz", cancellationToken)).AssertStatus(200);
        (await GetAsync("/readyz", cancellationToken)).AssertStatus(200);

        AssertNoDifference(12);
    }

    [TestCase("command", "postgres-0.0.1")]
    [TestCase("cluster", "postgres")]
    public async Task Of_the_catalog(string kind, string id, CancellationToken cancellationToken)
    {
        (await PostAsync($"/api/v1/{kind}/{id}/pause", "{\"reason\": \"r\", \"until\": \"2999-01-01T00:00:00Z\"}", cancellationToken)).AssertStatus(200);
        (await GetAsync($"/api/v1/{kind}s", cancellationToken)).AssertStatus(200);
        (await GetAsync($"/api/v1/{kind}/{id}", cancellationToken)).AssertStatus(200);
        (await PostAsync($"/api/v1/{kind}/{id}/resume", "", cancellationToken)).AssertStatus(200);
        (await GetAsync($"/api/v1/{kind}/{id}/status", cancellationToken)).AssertStatus(200);
        (await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/{kind}/{id}/status", cancellationToken, Body("{\"status\": \"ACTIVE\"}"))).AssertStatus(200);
        (await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/{kind}/{id}/status", cancellationToken, Body("{\"status\": \"?\"}"))).AssertStatus(400);
        (await GetAsync($"/api/v1/{kind}/unknown", cancellationToken)).AssertStatus(404);
        (await PostAsync($"/api/v1/{kind}/unknown/pause", "{}", cancellationToken)).AssertStatus(404);
        (await PostAsync("/api/v1/queue/pause", "{\"reason\": \"r\"}", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/queue", cancellationToken)).AssertStatus(200);
        (await PostAsync("/api/v1/queue/resume", "", cancellationToken)).AssertStatus(200);

        AssertNoDifference(11);
    }

    [Test]
    public async Task Of_probes(CancellationToken cancellationToken)
    {
        (await GetAsync("/api/v1/cluster/postgres/health", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/cluster/down/health", cancellationToken)).AssertStatus(503);
        (await GetAsync("/api/v1/clusters/health", cancellationToken)).AssertStatus(503);

        AssertNoDifference(3);
    }

    [Test]
    public async Task Of_schedules(CancellationToken cancellationToken)
    {
        const string Path = "/api/v1/schedule/described";
        var definition = Body(
            """
            {"cron": "0 3 1 * 1", "day": "or", "timezone": "Europe/Berlin", "max_lateness": "1h", "ends_at": "2999-01-01T00:00:00Z",
             "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"], "context": {"query": "select 1"}}
            """);
        (await _heimdall.SendAsync(HttpMethod.Put, Path, cancellationToken, definition, ("If-None-Match", "*"))).AssertStatus(201);
        (await _heimdall.SendAsync(HttpMethod.Put, Path, cancellationToken, Body("{\"cron\": \"?\"}"))).AssertStatus(400);
        (await PostAsync($"{Path}/trigger", "", cancellationToken, ("Idempotency-Key", "k"))).AssertStatus(202);
        (await PostAsync($"{Path}/trigger", "", cancellationToken, ("Idempotency-Key", "k"))).AssertStatus(202);
        (await PostAsync($"{Path}/pause", "{\"reason\": \"r\"}", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/schedules", cancellationToken)).AssertStatus(200);
        (await PostAsync($"{Path}/resume", "", cancellationToken)).AssertStatus(200);
        (await GetAsync(Path, cancellationToken)).AssertStatus(200);
        (await GetAsync($"{Path}/runs?outcome=FIRED&limit=1", cancellationToken)).AssertStatus(200);
        (await GetAsync($"{Path}/next?count=2", cancellationToken)).AssertStatus(200);
        (await GetAsync($"{Path}/next?count=0", cancellationToken)).AssertStatus(400);
        (await _heimdall.SendAsync(HttpMethod.Delete, Path, cancellationToken, null, ("If-Match", "\"x\""))).AssertStatus(412);
        (await _heimdall.SendAsync(HttpMethod.Delete, Path, cancellationToken)).AssertStatus(204);
        (await GetAsync(Path, cancellationToken)).AssertStatus(404);
        (await PostAsync($"{Path}/trigger", "", cancellationToken)).AssertStatus(404);

        AssertNoDifference(13);
    }

    [Test]
    public async Task Of_scripts(CancellationToken cancellationToken)
    {
        const string Path = "/api/v1/sql/described/one.sql";
        (await _heimdall.SendAsync(HttpMethod.Put, Path, cancellationToken, new StringContent("select 1"))).AssertStatus(201);
        (await _heimdall.SendAsync(HttpMethod.Put, Path, cancellationToken, new StringContent("select 2"))).AssertStatus(200);
        var script = (await GetAsync(Path, cancellationToken)).AssertStatus(200);
        (await GetAsync(Path, cancellationToken, ("If-None-Match", script.Header("ETag")!))).AssertStatus(304);
        (await _heimdall.SendAsync(HttpMethod.Put, Path, cancellationToken, new StringContent("x"), ("If-None-Match", "*"))).AssertStatus(412);
        (await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/sql/no", cancellationToken, new StringContent("x"))).AssertStatus(400);
        (await GetAsync("/api/v1/sql?limit=1", cancellationToken)).AssertStatus(200);
        (await GetAsync("/api/v1/sql?limit=0", cancellationToken)).AssertStatus(400);
        (await GetAsync("/api/v1/sql/unknown.sql", cancellationToken)).AssertStatus(404);
        (await _heimdall.SendAsync(HttpMethod.Delete, Path, cancellationToken)).AssertStatus(204);

        AssertNoDifference(9);
    }

    [Test]
    public async Task A_reply_that_differs_is_seen(CancellationToken cancellationToken)
    {
        var document = await OpenApiDocumentTests.ReadAsync(_heimdall);

        string[] differences =
        [
            .. document.FindDifferences("GET", "/api/v1/queue", 200, "application/json", [], """{"pauses": [{"scope": "?"}], "x": 1}"""),
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
        }).Using<string>((one, other) => one.Replace(" ", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal)
            == other.Replace(" ", "", StringComparison.Ordinal)));
    }

    private void AssertNoDifference(int replies)
    {
        Assert.That(_seen, Has.Count.AtLeast(replies), string.Join('\n', _seen));
        Assert.That(_differences.Distinct(), Is.Empty);
    }

    private Task<Reply> SubmitAsync(string query, bool returnsResult, CancellationToken cancellationToken, string? prefer = null) =>
        PostAsync("/api/v1/job", Job(query, returnsResult: returnsResult), cancellationToken, [.. prefer is null ? Array.Empty<(string, string)>() : [("Prefer", prefer)]]);

    private Task<Reply> GetAsync(string path, CancellationToken cancellationToken, params (string, string)[] headers) =>
        _heimdall.SendAsync(HttpMethod.Get, path, cancellationToken, null, headers);

    private Task<Reply> PostAsync(string path, string body, CancellationToken cancellationToken, params (string, string)[] headers) =>
        _heimdall.SendAsync(HttpMethod.Post, path, cancellationToken, body.Length == 0 ? null : Body(body), headers);

    private static StringContent Body(string json) => new(json, Encoding.UTF8, "application/json");

    private static string Job(string query, string more = "", bool returnsResult = false) =>
        $$"""
        {"name": "described", "version": "1", "description": "d", "command_criteria": ["type:postgres"],
         "cluster_criteria": ["_id:postgres"], "context": {"query": "{{query}}", "return_result": {{(returnsResult ? "true" : "false")}}}{{more}}}
        """;
}
