using System.Net.Http.Headers;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>The table of errors, a test a row and each alternative in a row. <see cref="SqlErrorTable"/> has the SQL errors.</summary>
[CancelAfter(60_000)]
public sealed class ErrorTable
{
    private const int MaxBody = 20_000;

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => (config with
    {
        Server = $"max_body_bytes: {MaxBody}, max_inline_per_caller: 2",
        Results = "retention: 1s",
    })
        .WithCommand("retired", "type:retired", ", status: inactive")
        .WithCommand("private", "type:private", ", allowed_callers: [alice, team-.*]")
        .WithCommand("homeless", "type:homeless", clusterTags: "data:nowhere")
        .WithCluster("drained", "type:postgres, data:local, data:drained", config.Target, ", status: inactive")
        .WithCluster("down", "type:postgres, data:local, data:down", "postgresql://127.0.0.1:1/nothing"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("{", "line 1")]
    [TestCase("{\"name\": \"a\",\n \"name\": \"b\"}", "twice")]
    public async Task Malformed_json_is_refused(string body, string what, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(body, cancellationToken);

        reply.AssertProblem(400, what);
    }

    [TestCase("[]")]
    [TestCase("5")]
    [TestCase("null")]
    public async Task Json_that_is_no_object_is_refused(string body, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(body, cancellationToken);

        reply.AssertProblem(400, "object");
    }

    [TestCase("""{"name": "\ud800"}""", "name")]
    [TestCase("""{"description": "a\udc00b"}""", "description")]
    [TestCase("""{"command_criteria": ["type:postgres", "\ud800x"]}""", "command_criteria[1]")]
    [TestCase("""{"context": {"query": "select '\ud800'"}}""", "context.query")]
    [TestCase("""{"context": {"deep": [1, {"er": "\udfff"}]}}""", "context.deep[1].er")]
    [TestCase("""{"context": {"\ud800": 1}}""", "context")]
    [TestCase("""{"\ud800": 1, "\ud800": 2}""", "body")]
    public async Task Text_that_is_no_unicode_is_refused_by_name(string body, string field, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(body, cancellationToken);

        reply.AssertProblem(400, "valid Unicode");
        Assert.That(reply.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name), Is.EqualTo(new[] { field }));
    }

    [TestCase("attempt")]
    [TestCase("status")]
    [TestCase("error")]
    [TestCase("result")]
    [TestCase("user")]
    [TestCase("id")]
    [TestCase("Name")]
    public async Task A_field_that_clients_cannot_set_is_refused_by_name(string field, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(Body($""" , "{field}": "x" """), cancellationToken);

        reply.AssertProblem(400, $"{field}: Unknown field.");
        Assert.That(reply.Json.GetProperty("errors").TryGetProperty(field, out _), reply.Text);
    }

    [TestCase("name", "5")]
    [TestCase("name", "\"\"")]
    [TestCase("name", "null")]
    [TestCase("version", "0.1")]
    [TestCase("description", "{}")]
    [TestCase("tags", "\"a\"")]
    [TestCase("tags", "[1]")]
    [TestCase("tags", "[null]")]
    [TestCase("tags", "[\" \"]")]
    [TestCase("command_criteria", "\"type:postgres\"")]
    [TestCase("cluster_criteria", "{}")]
    [TestCase("context", "[]")]
    [TestCase("context", "null")]
    [TestCase("name", "\"a\\u0000b\"")]
    public async Task A_value_of_the_wrong_kind_is_refused_by_name(string field, string value, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(Body(replace: (field, value)), cancellationToken);

        reply.AssertProblem(400, $"{field}: ");
    }

    [TestCase("query", """{"return_result": true}""")]
    [TestCase("query", """{"query": 5}""")]
    [TestCase("query", """{"query": "  "}""")]
    [TestCase("return_result", """{"query": "select 1", "return_result": "yes"}""")]
    [TestCase("timeout_seconds", """{"query": "select 1", "timeout_seconds": -1}""")]
    [TestCase("row_limit", """{"query": "select 1", "row_limit": 10}""")]
    [TestCase("sql", """{"query": "select 1", "sql": "select 2"}""")]
    public async Task A_problem_of_the_context_is_refused_by_its_path(string field, string context, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(Body(replace: ("context", context)), cancellationToken);

        reply.AssertProblem(400, $"context.{field}: ");
    }

    [Test]
    public async Task All_problems_are_told_at_once(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync("""{"version": 5, "tags": [1], "user": "root", "colour": "red"}""", cancellationToken);

        reply.AssertProblem(400);
        Assert.That(
            reply.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name),
            Is.EquivalentTo(new[] { "name", "version", "tags", "user", "colour", "context" }));
    }

    [TestCase("select 1; select 2")]
    [TestCase("select 1;;select 2")]
    [TestCase("-- nothing")]
    public async Task What_is_not_exactly_one_query_cannot_return_a_result(string query, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(query, returnResult: true, cancellationToken);

        reply.AssertProblem(400, "context.query");
    }

    [TestCase("select 1;")]
    [TestCase("select ';'")]
    [TestCase("/* ; */ select 1 -- ;")]
    public async Task A_semicolon_does_not_make_two_queries(string query, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(query, returnResult: true, cancellationToken);

        reply.AssertStatus(200);
    }

    [TestCase("missing.sql")]
    [TestCase("../heimdall.yaml/../x.sql")]
    [TestCase("/etc/x.sql")]
    [TestCase("folder.sql")]
    [TestCase("link.sql")]
    [TestCase("linked/outside.sql")]
    public async Task A_script_that_may_not_be_read_is_refused_as_it_was_named(string script, CancellationToken cancellationToken)
    {
        var outside = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(_heimdall.ConfigFile)!, "outside")).FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "outside.sql"), "select 1", cancellationToken);
        Directory.CreateDirectory(Path.Combine(_heimdall.SqlDirectory, "folder.sql"));
        File.Delete(Path.Combine(_heimdall.SqlDirectory, "link.sql"));
        File.Delete(Path.Combine(_heimdall.SqlDirectory, "linked"));
        File.CreateSymbolicLink(Path.Combine(_heimdall.SqlDirectory, "link.sql"), Path.Combine(outside, "outside.sql"));
        Directory.CreateSymbolicLink(Path.Combine(_heimdall.SqlDirectory, "linked"), outside);

        var batch = await _heimdall.SubmitAsync(script, returnResult: false, cancellationToken);
        var query = await _heimdall.SubmitAsync(script, returnResult: true, cancellationToken);

        batch.AssertProblem(400, "context.query", script);
        query.AssertProblem(400, "context.query", script);
        Assert.That(batch.Text, Does.Not.Contain(outside).And.Not.Contain(_heimdall.SqlDirectory));
    }

    [Test]
    public async Task A_command_is_forbidden_to_whom_it_does_not_name(CancellationToken cancellationToken)
    {
        var stranger = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: "type:private", user: "alicea");
        var alice = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: "type:private", user: "alice");
        var team = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: "type:private", user: "team-7");

        stranger.AssertProblem(403, "alicea");
        alice.AssertStatus(200);
        team.AssertStatus(200);
    }

    [TestCase("/api/v1/job/0198c0de-0000-7000-8000-000000000000")]
    [TestCase("/api/v1/job/0198c0de-0000-7000-8000-000000000000/status")]
    [TestCase("/api/v1/job/0198c0de-0000-7000-8000-000000000000/result")]
    [TestCase("/api/v1/job/0198c0de-0000-7000-8000-000000000000/stdout")]
    [TestCase("/api/v1/job/0198c0de-0000-7000-8000-000000000000/stderr")]
    [TestCase("/api/v1/command/unknown")]
    [TestCase("/api/v1/command/unknown/status")]
    [TestCase("/api/v1/cluster/unknown")]
    [TestCase("/api/v1/cluster/unknown/status")]
    [TestCase("/api/v1/cluster/unknown/health")]
    [TestCase("/api/v1/unknown")]
    public async Task What_is_unknown_is_not_found(string path, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.GetAsync(path, cancellationToken);

        reply.AssertProblem(404, "There is no ");
    }

    [Test]
    public async Task A_job_that_is_unknown_cannot_be_canceled(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.CancelAsync(Guid.CreateVersion7(), cancellationToken);

        reply.AssertProblem(404, "There is no job");
    }

    [TestCase("command")]
    [TestCase("cluster")]
    public async Task A_status_of_something_unknown_cannot_be_set(string kind, CancellationToken cancellationToken)
    {
        var unknown = await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/{kind}/unknown/status", cancellationToken, Json("""{"status": "ACTIVE"}"""));

        unknown.AssertProblem(404, "unknown");
    }

    [TestCase("""{"status": "SLEEPING"}""", "status: Must be one of ACTIVE, INACTIVE.")]
    [TestCase("""{"status": 1}""", "status: Must be a string.")]
    [TestCase("""{"status": "1"}""", "status: Must be one of ACTIVE, INACTIVE.")]
    [TestCase("""{}""", "status: Must be one of ACTIVE, INACTIVE.")]
    [TestCase("""[]""", "body: Must be a JSON object.")]
    [TestCase("""{""", "body: Not valid JSON, at line 1, column 2:")]
    [TestCase("""{"status": "ACTIVE", "state": "ACTIVE"}""", "state: Unknown field. Known are: status.")]
    [TestCase("""{"status": "ACTIVE", "status": "ACTIVE"}""", "body: Not valid JSON: a field is there twice.")]
    [TestCase("""{"status": "\ud800"}""", "status: Not valid Unicode.")]
    public async Task A_status_that_there_is_not_cannot_be_set(string body, string detail, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/cluster/postgres/status", cancellationToken, Json(body));

        reply.AssertProblem(400, detail);
    }

    [TestCase("text/plain", 415)]
    [TestCase("application/json; charset=bogus", 415)]
    [TestCase("application/json; charset=utf-16", 415)]
    [TestCase("application/json; charset=UTF-8", 200)]
    [TestCase("application/json; charset=\"utf-8\"", 200)]
    public async Task A_status_is_read_as_every_other_body(string type, int status, CancellationToken cancellationToken)
    {
        using var content = new StringContent("""{"status": "ACTIVE"}""");
        content.Headers.Remove("Content-Type");
        content.Headers.TryAddWithoutValidation("Content-Type", type);

        var reply = await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/cluster/postgres/status", cancellationToken, content);

        reply.AssertStatus(status);
    }

    [TestCase("{\n  \"name\": }", "body: Not valid JSON, at line 2, column 11: '}' is an invalid start of a value.")]
    [TestCase("{\"name\": \"x\",}", "body: Not valid JSON, at line 1, column 14: The JSON object contains a trailing comma")]
    [TestCase("", "body: The request has no body: JSON is expected.")]
    public async Task Where_json_ends_to_be_json_is_told(string body, string detail, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(body, cancellationToken);

        reply.AssertProblem(400, detail);
    }

    [Test]
    public async Task The_rows_of_an_inline_query_are_not_stored(CancellationToken cancellationToken)
    {
        var job = (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken)).AssertStatus(200);

        var result = await _heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken);

        result.AssertProblem(404, "respond-async");
    }

    [Test]
    public async Task A_job_that_failed_has_no_result(CancellationToken cancellationToken)
    {
        var job = (await _heimdall.SubmitAsync("select 1/0", returnResult: false, cancellationToken, prefer: "wait=30")).AssertStatus(200);

        var result = await _heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken);

        result.AssertProblem(404, "FAILED");
    }

    [Test]
    public async Task A_result_whose_time_is_over_is_gone(CancellationToken cancellationToken)
    {
        var job = (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, prefer: "respond-async")).AssertStatus(202);
        await _heimdall.WaitForEndAsync(job.Id, cancellationToken);

        var result = await Eventually.Becomes(
            () => _heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(reply => (int?)reply?.Status == 410),
            cancellationToken);

        result.AssertProblem(410, "was kept until");
    }

    [Test]
    public async Task A_job_that_has_ended_cannot_be_canceled(CancellationToken cancellationToken)
    {
        var job = (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken)).AssertStatus(200);

        var reply = await _heimdall.CancelAsync(job.Id, cancellationToken);

        reply.AssertProblem(409, "SUCCEEDED");
        Assert.That(reply.Id, Is.EqualTo(job.Id));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_body_that_is_too_large_is_refused(bool tellsItsLength, CancellationToken cancellationToken)
    {
        var body = Json(Body($""" , "description": "{new string('x', MaxBody)}" """));
        if (!tellsItsLength)
        {
            body.Headers.ContentLength = null;
        }

        var reply = await _heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/job", cancellationToken, body, tellsItsLength ? [] : [("Transfer-Encoding", "chunked")]);

        reply.AssertProblem(413, "max_body_bytes");
    }

    [TestCase("text/plain")]
    [TestCase("application/x-www-form-urlencoded")]
    [TestCase(null)]
    public async Task A_body_that_is_not_declared_as_json_is_refused(string? contentType, CancellationToken cancellationToken)
    {
        var body = Json(Body());
        body.Headers.ContentType = contentType is null ? null : new MediaTypeHeaderValue(contentType);

        var reply = await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, body);

        reply.AssertProblem(415, "application/json");
    }

    [TestCase("type:unknown", "data:local", "No command carries all of [type:unknown]")]
    [TestCase("type:retired", "data:local", "inactive: [retired]")]
    [TestCase("type:postgres", "data:unknown", "cluster criteria [data:unknown]")]
    [TestCase("type:homeless", "data:local", "[data:nowhere] (command 'homeless')")]
    [TestCase("type:postgres", "data:drained", "inactive: [drained]")]
    public async Task Criteria_that_match_nothing_are_told_what_is_missing(string command, string cluster, string what, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: command, cluster: cluster);

        reply.AssertProblem(422, what);
    }

    [TestCase("command_criteria")]
    [TestCase("cluster_criteria")]
    public async Task Empty_criteria_match_nothing(string criteria, CancellationToken cancellationToken)
    {
        var empty = await _heimdall.PostJobAsync(Body(replace: (criteria, "[]")), cancellationToken);
        var absent = await _heimdall.PostJobAsync(Body(replace: (criteria, "null")), cancellationToken);

        empty.AssertProblem(422, criteria);
        absent.AssertProblem(422, criteria);
    }

    [TestCase("_id:postgres")]
    [TestCase("_name:postgres")]
    [TestCase("_version:0.0.1")]
    public async Task Clusters_carry_tags_of_their_own(string tag, CancellationToken cancellationToken)
    {
        // Others carry the version too, but are not there to be chosen: one is inactive, the other down.
        await _heimdall.GetAsync("/api/v1/clusters/health", cancellationToken);

        var reply = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, cluster: tag);

        Assert.That(reply.AssertStatus(200)["cluster_id"], Is.EqualTo("postgres"));
    }

    [Test]
    public async Task A_cluster_that_cannot_be_reached_is_unavailable(CancellationToken cancellationToken)
    {
        var untried = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, cluster: "data:down");
        var health = await _heimdall.GetAsync("/api/v1/cluster/down/health", cancellationToken);
        var tried = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, cluster: "data:down");

        untried.AssertProblem(503);
        health.AssertStatus(503);
        tried.AssertProblem(503, "[down]");
        Assert.That(tried.Header("Retry-After"), Is.Not.Null);
    }

    [Test]
    public async Task A_caller_cannot_have_too_many_queries_running(CancellationToken cancellationToken)
    {
        var first = _heimdall.SubmitAsync("select pg_sleep(60)", returnResult: true, cancellationToken, name: "busy-1", user: "busy");
        var second = _heimdall.SubmitAsync("select pg_sleep(60)", returnResult: true, cancellationToken, name: "busy-2", user: "busy");
        var ids = new[] { await _heimdall.FindJobAsync("busy-1", "RUNNING", cancellationToken), await _heimdall.FindJobAsync("busy-2", "RUNNING", cancellationToken) };

        var third = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, user: "busy");
        var other = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, user: "idle");

        third.AssertProblem(429, "2 queries running");
        Assert.That(third.Header("Retry-After"), Is.Not.Null);
        Assert.That(
            (third.Header("RateLimit-Policy"), third.Header("RateLimit")),
            Is.EqualTo(("\"queries-of-caller\";q=2;qu=\"concurrent-requests\"", "\"queries-of-caller\";r=0")));
        other.AssertStatus(200);
        foreach (var id in ids)
        {
            await _heimdall.CancelAsync(id, cancellationToken);
        }
        (await first).AssertProblem(409);
        (await second).AssertProblem(409);
        var afterwards = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, user: "busy");
        afterwards.AssertStatus(200);
    }

    [Test]
    public async Task A_refused_submission_is_not_recorded(CancellationToken cancellationToken)
    {
        await _heimdall.PostJobAsync(Body(replace: ("name", "\"refused\""), more: """ , "colour": "red" """), cancellationToken);
        await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, name: "refused", cluster: "data:unknown");
        await _heimdall.SubmitAsync("missing.sql", returnResult: false, cancellationToken, name: "refused");

        var jobs = await _heimdall.GetAsync("/api/v1/jobs?name=refused", cancellationToken);

        Assert.That(jobs.AssertStatus(200).Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    /// <summary>A submission that is right, but for one field or one field more.</summary>
    private static string Body(string more = "", (string Field, string Value)? replace = null)
    {
        var fields = new Dictionary<string, string>
        {
            ["name"] = "\"test\"",
            ["version"] = "\"0.0.1\"",
            ["command_criteria"] = "[\"type:postgres\"]",
            ["cluster_criteria"] = "[\"_id:postgres\"]",
            ["context"] = """{"query": "select 1", "return_result": true}""",
        };
        if (replace is var (field, value))
        {
            fields[field] = value;
        }
        return $"{{{string.Join(", ", fields.Select(item => $"\"{item.Key}\": {item.Value}"))}{more}}}";
    }
}
