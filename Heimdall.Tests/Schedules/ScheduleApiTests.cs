using System.Globalization;
using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Schedules over REST, as the API, Hangfire's tables and its dashboard show them. No worker runs.</summary>
[CancelAfter(90_000)]
public sealed class ScheduleApiTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config
            .WithCommand("closed", "type:closed", ", allowed_callers: [alice]")
            .WithCommand("left", "type:twins").WithCommand("right", "type:twins")
            .WithCommand("far", "type:far", clusterTags: "type:away")
            .WithCluster("away", "type:away", $"postgresql://127.0.0.1:{FreePort.Find()}/none")
            .WithSchedule("from-file", "cron: 0 3 * * *, command_criteria: [type:postgres], cluster_criteria: [data:local], context: {query: select 1}"),
        worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task One_that_is_put_is_there_as_it_was_put(CancellationToken cancellationToken)
    {
        var put = (await PutAsync("whole", cancellationToken, more: """
            "name": "the whole", "version": "7", "description": "all of it", "tags": ["a"], "timezone": "Europe/Berlin", "misfire": "all", "max_lateness": "90m",
            "overlap": "queue", "starts_at": "2998-12-31T23:00:00+01:00", "ends_at": "2999-06-01T00:00:00Z",
            """)).AssertStatus(201);

        Assert.That(put.Header("Location"), Is.EqualTo("/api/v1/schedule/whole"));
        var got = (await _heimdall.GetAsync("/api/v1/schedule/whole", cancellationToken)).AssertStatus(200);
        Assert.That(got.Text, Is.EqualTo(put.Text));
        Assert.That(got.Header("ETag"), Is.EqualTo(put.Header("ETag")).And.Not.Empty);
        foreach (var (field, value) in new[]
        {
            ("id", "whole"), ("name", "the whole"), ("version", "7"), ("description", "all of it"), ("cron", "30 2 * * *"), ("timezone", "Europe/Berlin"),
            ("misfire", "all"), ("max_lateness", "90m"), ("overlap", "queue"), ("starts_at", "2998-12-31T22:00:00.000Z"), ("ends_at", "2999-06-01T00:00:00.000Z"),
            ("user", "anonymous"), ("source", "api"), ("next_at", "2999-01-01T01:30:00.000Z"),
        })
        {
            Assert.That(got[field], Is.EqualTo(value), field);
        }
        Assert.That(got.Json.GetProperty("context").ToString(), Is.EqualTo("""{"query":"select 1"}"""));
        Assert.That(got["last_run"] ?? got["paused"] ?? got["unroutable"], Is.Null);
        var all = (await _heimdall.GetAsync("/api/v1/schedules", cancellationToken)).AssertStatus(200).Json.EnumerateArray();
        Assert.That(all.Select(schedule => schedule.GetProperty("id").GetString()), Is.SupersetOf(new[] { "whole", "from-file" }));
    }

    [Test]
    public async Task The_runs_of_one_for_all_clusters_are_parents(CancellationToken cancellationToken)
    {
        var put = (await PutAsync("everywhere", cancellationToken, more: """
            "target": "all", "max_parallel": 2, "canary": 1, "stop_after_failures": 3, "day": "or",
            """)).AssertStatus(201);
        Assert.That(
            (put["target"], put["max_parallel"], put["canary"], put["stop_after_failures"], put["cron"], put["day"]),
            Is.EqualTo(("all", "2", "1", "3", "30 2 * * *", "or")));

        var run = (await _heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/schedule/everywhere/trigger", cancellationToken)).AssertStatus(202);

        var job = await _heimdall.JobAsync(Guid.Parse(run["job_id"]!), cancellationToken);
        Assert.That(
            (job["target"], job["canary"], job["schedule"], job["status"]),
            Is.EqualTo(("all", "1", "everywhere", "RUNNING")));
        var list = await _heimdall.GetAsync($"/api/v1/jobs?parent={job.Id}", cancellationToken);
        var children = list.Json.GetProperty("data");
        Assert.That(
            (children.GetArrayLength(), children[0].GetProperty("schedule").GetString()),
            Is.EqualTo((1, "everywhere")));
        Assert.That(
            await _heimdall.Store.ScalarAsync<string>(
                "select cron from heimdall.schedule where id = 'everywhere'", cancellationToken),
            Is.EqualTo("all: or: 30 2 * * *"), "an older version cannot read it, and leaves it to others");
    }

    [Test]
    public async Task One_whose_cluster_is_down_is_not_told_as_unroutable(CancellationToken cancellationToken)
    {
        const string Criteria = """{"command_criteria": ["type:far"], "cluster_criteria": ["type:away"]}""";
        await Eventually.Is(
            async () => (await PostAsync("/api/v1/resolve", cancellationToken, Criteria)).Text
                .Contains("did not answer their last health check", StringComparison.Ordinal),
            cancellationToken);

        var put = (await PutAsync("patient", cancellationToken, command: "type:far", cluster: "type:away"))
            .AssertStatus(201);
        var all = (await PutAsync(
            "patients", cancellationToken, """ "target": "all", """, command: "type:far", cluster: "type:away"))
            .AssertStatus(201);

        Assert.That(put["unroutable"] ?? all["unroutable"], Is.Null, "a run would wait for it");
        var page = await _heimdall.GetAsync("/hangfire/sql/schedules/patient", cancellationToken);
        Assert.That(page.AssertStatus(200).Text, Does.Not.Contain("A run would be refused."));
    }

    [Test]
    public async Task One_for_all_clusters_that_several_commands_match_is_told(CancellationToken cancellationToken)
    {
        var one = (await PutAsync("either", cancellationToken, command: "type:twins")).AssertStatus(201);
        var all = (await PutAsync("both", cancellationToken, """ "target": "all", """, command: "type:twins"))
            .AssertStatus(201);

        Assert.That(one["unroutable"], Is.Null);
        Assert.That(all["unroutable"], Does.Contain("has one command").And.Contain("left").And.Contain("right"));
        var page = await _heimdall.GetAsync("/hangfire/sql/schedules/both", cancellationToken);
        Assert.That(page.AssertStatus(200).Text, Does.Contain("A run would be refused."));
    }

    [Test]
    public async Task What_is_left_out_has_its_default(CancellationToken cancellationToken)
    {
        var put = (await PutAsync("plain", cancellationToken)).AssertStatus(201);

        Assert.That((put["name"], put["timezone"], put["misfire"], put["overlap"], put["max_lateness"]), Is.EqualTo(("plain", "UTC", "once", "skip", (string?)null)));
    }

    [TestCase("""{"cron": "* * *"}""", "cron", "it has 3 fields")]
    [TestCase("""{"cron": 5}""", "cron", "Must be a string.")]
    [TestCase("""{"cron": "* * * * *", "timezone": "Berlin"}""", "timezone", "IANA")]
    [TestCase("""{"cron": "* * * * *", "max_lateness": "long"}""", "max_lateness", "Must be a duration")]
    [TestCase("""{"cron": "* * * * *", "starts_at": "2026-01-01"}""", "starts_at", "RFC 3339")]
    [TestCase("""{"cron": "* * * * *", "misfire": "maybe"}""", "misfire", "Must be one of skip, once, all.")]
    [TestCase("""{"cron": "* * * * *", "every": 5}""", "every", "Unknown field. Known are: name,")]
    [TestCase("""{"cron": "* * * * *", "canary": 1}""", "canary", "Goes only with target: all.")]
    [TestCase("""{"cron": "* * * * *", "target": "some"}""", "target", "Must be one of any, all.")]
    [TestCase("""{"cron": "* * * * *", "target": "all", "canary": "2"}""", "canary", "Must be a whole number.")]
    [TestCase("""{"cron": "* * * * *", "user": "root"}""", "user", "Unknown field.")]
    [TestCase("""{"cron": "* * * * *"}""", "command_criteria", "Is required")]
    [TestCase("""{"cron": "* * * * *"}""", "context", "Is required")]
    [TestCase("""{"cron": "* * * * *", "command_criteria": [1]}""", "command_criteria", "Must be an array of strings.")]
    public async Task What_is_wrong_is_told_by_its_field(string body, string field, string problem)
    {
        var reply = await SendAsync(HttpMethod.Put, "/api/v1/schedule/wrong", CancellationToken.None, body);

        reply.AssertProblem(400);
        Assert.That(reply.Json.GetProperty("errors").GetProperty(field)[0].GetString(), Does.Contain(problem));
        (await _heimdall.GetAsync("/api/v1/schedule/wrong", CancellationToken.None)).AssertProblem(404, "no schedule 'wrong'");
    }

    [Test]
    public async Task A_context_that_no_plugin_takes_and_a_command_that_is_not_allowed_are_refused_at_once(CancellationToken cancellationToken)
    {
        (await PutAsync("tea", cancellationToken, context: """{"query": "select 1", "tea": true}""")).AssertProblem(400, "tea");
        (await PutAsync("shut", cancellationToken, command: "type:closed")).AssertProblem(403, "anonymous");
        (await PutAsync("a b", cancellationToken)).AssertProblem(400, "letters, digits");
    }

    [Test]
    public async Task One_that_finds_no_cluster_says_so_and_its_runs_are_refused(CancellationToken cancellationToken)
    {
        var put = (await PutAsync("lost", cancellationToken, cluster: "data:nowhere")).AssertStatus(201);
        Assert.That(put["unroutable"], Does.Contain("data:nowhere"));

        var run = await PostAsync("/api/v1/schedule/lost/trigger", cancellationToken);

        run.AssertProblem(422, "data:nowhere");
        var runs = (await _heimdall.GetAsync("/api/v1/schedule/lost/runs", cancellationToken)).AssertStatus(200).Json.GetProperty("data");
        Assert.That(runs[0].GetProperty("outcome").GetString(), Is.EqualTo("REFUSED"));
        Assert.That(runs[0].GetProperty("id").GetString(), Is.EqualTo(run["run"]));
        Assert.That((await _heimdall.GetAsync("/api/v1/schedule/lost", cancellationToken)).Json.GetProperty("last_run").GetProperty("outcome").GetString(), Is.EqualTo("REFUSED"));
    }

    [Test]
    public async Task A_run_that_is_asked_for_is_a_job_of_the_schedule(CancellationToken cancellationToken)
    {
        (await PutAsync("asked", cancellationToken)).AssertStatus(201);

        var run = (await PostAsync("/api/v1/schedule/asked/trigger", cancellationToken)).AssertStatus(202);

        Assert.That((run["outcome"], run["triggered_by"], run.Header("Location")), Is.EqualTo(("FIRED", "anonymous", $"/api/v1/job/{run["job_id"]}")));
        var job = await _heimdall.JobAsync(Guid.Parse(run["job_id"]!), cancellationToken);
        Assert.That((job["schedule"], job["planned_at"], job["name"], job["status"]), Is.EqualTo(("asked", run["planned_at"], "asked", "ACCEPTED")));
        var jobs = (await _heimdall.GetAsync("/api/v1/jobs?schedule=asked", cancellationToken)).Json.GetProperty("data");
        Assert.That(jobs.EnumerateArray().Select(item => item.GetProperty("id").GetGuid()), Is.EqualTo(new[] { job.Id }));
        var second = await PostAsync("/api/v1/schedule/asked/trigger", cancellationToken);
        second.AssertProblem(409, run["job_id"]!);
    }

    [Test]
    public async Task A_run_that_is_asked_for_twice_with_one_key_is_made_once(CancellationToken cancellationToken)
    {
        await PutAsync("keyed", cancellationToken, more: "\"overlap\": \"allow\",");
        Task<Reply> AskAsync(string key, string user = "carol") => SendAsync(
            HttpMethod.Post, "/api/v1/schedule/keyed/trigger", cancellationToken, body: null, ("Idempotency-Key", key), ("X-Heimdall-User", user));

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AskAsync("one")));
        var other = (await AskAsync("two")).AssertStatus(202);
        var others = (await AskAsync("\"one\"", user: "dave")).AssertStatus(202);

        Assert.That(replies.Select(reply => (int)reply.Status), Is.All.EqualTo(202));
        Assert.That(replies.Select(reply => (reply["id"], reply["job_id"], reply.Header("Location"))).Distinct(), Has.Exactly(1).Items);
        Assert.That(replies.Count(reply => reply.Header("Idempotency-Replayed") is null), Is.EqualTo(1));
        Assert.That(new[] { replies[0]["id"], other["id"], others["id"] }, Is.Unique);
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where schedule = 'keyed'", cancellationToken), Is.EqualTo(3));
        (await AskAsync("")).AssertProblem(400, "Idempotency-Key");
    }

    [Test]
    public async Task A_key_is_free_while_its_run_was_skipped(CancellationToken cancellationToken)
    {
        await PutAsync("busy", cancellationToken);
        var first = (await PostAsync("/api/v1/schedule/busy/trigger", cancellationToken)).AssertStatus(202);
        Task<Reply> AskAsync() => SendAsync(HttpMethod.Post, "/api/v1/schedule/busy/trigger", cancellationToken, body: null, ("Idempotency-Key", "once"));
        (await AskAsync()).AssertProblem(409, first["job_id"]!);
        await _heimdall.CancelAsync(Guid.Parse(first["job_id"]!), cancellationToken);

        var second = (await AskAsync()).AssertStatus(202);

        Assert.That(second.Header("Idempotency-Replayed"), Is.Null);
        Assert.That((await AskAsync()).AssertStatus(202)["id"], Is.EqualTo(second["id"]));
    }

    [Test]
    public async Task Times_that_cannot_be_told_are_a_conflict_and_the_schedule_is_still_shown(CancellationToken cancellationToken)
    {
        await PutAsync("lost-zone", cancellationToken);
        await _heimdall.Store.ExecuteAsync("update heimdall.schedule set timezone = 'Europe/Atlantis' where id = 'lost-zone'", cancellationToken);

        (await _heimdall.GetAsync("/api/v1/schedule/lost-zone/next", cancellationToken)).AssertProblem(409, "Europe/Atlantis", "IANA");
        (await _heimdall.GetAsync("/api/v1/schedule/lost-zone", cancellationToken)).AssertStatus(200);
        (await _heimdall.GetAsync("/hangfire/sql/schedules/lost-zone", cancellationToken)).AssertStatus(200);
        (await PostAsync("/api/v1/schedule/lost-zone/pause", cancellationToken)).AssertStatus(200);
        (await PutAsync("lost-zone", cancellationToken)).AssertStatus(200);
    }

    [Test]
    public async Task Runs_come_in_pages(CancellationToken cancellationToken)
    {
        await PutAsync("paged", cancellationToken, more: "\"overlap\": \"allow\",");
        for (var i = 0; i < 5; i++)
        {
            (await PostAsync("/api/v1/schedule/paged/trigger", cancellationToken)).AssertStatus(202);
        }

        var seen = new List<string>();
        var next = "/api/v1/schedule/paged/runs?limit=2&outcome=fired";
        for (var pages = 0; ; pages++)
        {
            var page = (await _heimdall.GetAsync(next, cancellationToken)).AssertStatus(200);
            seen.AddRange(page.Json.GetProperty("data").EnumerateArray().Select(run => run.GetProperty("planned_at").GetString()!));
            if (page["next_cursor"] is not { } cursor)
            {
                Assert.That((pages, page.Json.GetProperty("has_more").GetBoolean()), Is.EqualTo((2, false)));
                break;
            }
            next = $"/api/v1/schedule/paged/runs?limit=2&cursor={cursor}";
        }

        Assert.That(seen, Has.Count.EqualTo(5).And.Ordered.Descending);
        (await _heimdall.GetAsync("/api/v1/schedule/paged/runs?outcome=NONE", cancellationToken)).AssertProblem(400, "outcome");
        (await _heimdall.GetAsync("/api/v1/schedule/paged/runs?cursor=x", cancellationToken)).AssertProblem(400, "cursor");
        (await _heimdall.GetAsync("/api/v1/schedule/paged/runs?limit=0&page=2", cancellationToken)).AssertProblem(400, "limit", "page");
        (await _heimdall.GetAsync("/api/v1/schedule/none/runs", cancellationToken)).AssertProblem(404, "none");
    }

    [Test]
    public async Task The_times_to_come_are_told_by_the_clocks_of_the_zone(CancellationToken cancellationToken)
    {
        await PutAsync("spring", cancellationToken, more: "\"timezone\": \"Europe/Berlin\", \"starts_at\": \"2997-03-24T00:00:00Z\",");

        var next = (await _heimdall.GetAsync("/api/v1/schedule/spring/next?count=3", cancellationToken)).AssertStatus(200);

        Assert.That(next["timezone"], Is.EqualTo("Europe/Berlin"));
        var data = next.Json.GetProperty("data").EnumerateArray().ToArray();
        Assert.That(data, Has.Length.EqualTo(3));
        foreach (var run in data)
        {
            var planned = DateTimeOffset.Parse(run.GetProperty("planned_at").GetString()!, CultureInfo.InvariantCulture);
            Assert.That(DateTimeOffset.Parse(run.GetProperty("local").GetString()!, CultureInfo.InvariantCulture), Is.EqualTo(planned));
            Assert.That(run.GetProperty("local").GetString(), Does.Contain("T02:30:00+0").Or.Contain("T03:00:00+02:00"));
        }
        (await _heimdall.GetAsync("/api/v1/schedule/spring/next?count=0", cancellationToken)).AssertProblem(400, "count");
        (await _heimdall.GetAsync("/api/v1/schedule/none/next", cancellationToken)).AssertProblem(404, "none");
    }

    [Test]
    public async Task A_pause_tells_who_and_why(CancellationToken cancellationToken)
    {
        await PutAsync("halted", cancellationToken);

        var paused = (await PostAsync("/api/v1/schedule/halted/pause", cancellationToken, """{"reason": "closing", "until": "2999-01-01T00:00:00Z"}""", user: "bob")).AssertStatus(200);
        Assert.That(paused.Json.GetProperty("paused").GetProperty("by").GetString(), Is.EqualTo("bob"));
        Assert.That(paused.Json.GetProperty("paused").GetProperty("reason").GetString(), Is.EqualTo("closing"));
        Assert.That(paused["next_at"], Is.EqualTo("2999-01-01T02:30:00.000Z"));
        var forGood = (await PostAsync("/api/v1/schedule/halted/pause", cancellationToken)).AssertStatus(200);
        Assert.That(forGood["next_at"], Is.Null);
        Assert.That((await _heimdall.GetAsync("/api/v1/schedule/halted/next", cancellationToken)).Json.GetProperty("data").GetArrayLength(), Is.Zero);
        var resumed = (await PostAsync("/api/v1/schedule/halted/resume", cancellationToken)).AssertStatus(200);
        Assert.That((resumed["paused"], resumed["next_at"] is null), Is.EqualTo(((string?)null, false)));

        (await PostAsync("/api/v1/schedule/halted/pause", cancellationToken, """{"until": "2020-01-01T00:00:00Z"}""")).AssertProblem(400, "until", "future");
        (await PostAsync("/api/v1/schedule/halted/pause", cancellationToken, """{"author": "root"}""")).AssertProblem(400, "author");
        (await PostAsync("/api/v1/schedule/none/pause", cancellationToken)).AssertProblem(404, "none");
        (await PostAsync("/api/v1/schedule/none/resume", cancellationToken)).AssertProblem(404, "none");
        (await PostAsync("/api/v1/schedule/none/trigger", cancellationToken)).AssertProblem(404, "none");
    }

    [Test]
    public async Task Only_what_has_been_seen_is_changed(CancellationToken cancellationToken)
    {
        var first = (await PutAsync("seen", cancellationToken)).Header("ETag")!;
        (await PutAsync("seen", cancellationToken, headers: ("If-None-Match", "*"))).AssertProblem(412, "seen");
        var second = (await PutAsync("seen", cancellationToken, headers: ("If-Match", first))).AssertStatus(200).Header("ETag")!;
        Assert.That(second, Is.Not.EqualTo(first));

        (await PutAsync("seen", cancellationToken, headers: ("If-Match", first))).AssertProblem(412, "seen");
        (await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/schedule/seen", cancellationToken, headers: ("If-Match", first))).AssertProblem(412, "seen");
        (await PutAsync("seen", cancellationToken, headers: ("If-Match", "seen"))).AssertProblem(400, "If-Match");
        (await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/schedule/seen", cancellationToken, headers: ("If-Match", second))).AssertStatus(204);
        (await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/schedule/seen", cancellationToken)).AssertProblem(404, "seen");
    }

    [Test]
    public async Task One_of_the_file_is_shown_by_Hangfire_and_is_not_deleted(CancellationToken cancellationToken)
    {
        var schedule = (await _heimdall.GetAsync("/api/v1/schedule/from-file", cancellationToken)).AssertStatus(200);
        Assert.That((schedule["source"], schedule["user"]), Is.EqualTo(("file", "scheduler")));

        (await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/schedule/from-file", cancellationToken)).AssertProblem(409, "file");

        var page = (await _heimdall.GetAsync("/hangfire/recurring", cancellationToken)).AssertStatus(200);
        Assert.That(page.Text, Does.Contain("from-file").And.Contain("0 3 * * *"));
        var next = DateTimeOffset.Parse(schedule["next_at"]!, CultureInfo.InvariantCulture);
        Assert.That(
            await _heimdall.Store.ScalarAsync<double>("select score from hangfire.set where key = 'recurring-jobs' and value = 'from-file'", cancellationToken),
            Is.EqualTo(next.ToUnixTimeSeconds()));
    }

    [Test]
    public async Task Only_the_id_of_a_schedule_crosses_the_queue(CancellationToken cancellationToken)
    {
        var payload = await _heimdall.Store.ScalarAsync<string>(
            "select value from hangfire.hash where key = 'recurring-job:from-file' and field = 'Job'", cancellationToken);

        // A wire contract, as that of jobs.
        var fields = JsonDocument.Parse(payload).RootElement.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.GetString());
        Assert.That(fields, Is.EquivalentTo(new Dictionary<string, string>
        {
            ["Type"] = "Heimdall.Core.Queue.IScheduleTicker, Heimdall.Core",
            ["Method"] = "TickAsync",
            ["ParameterTypes"] = """["System.String","System.Threading.CancellationToken, mscorlib"]""",
            ["Arguments"] = """["\"from-file\"",null]""",
            ["Queue"] = "schedules",
        }));
    }

    private Task<Reply> PutAsync(
        string id, CancellationToken cancellationToken, string more = "", string command = "type:postgres", string cluster = "data:local",
        string context = """{"query": "select 1"}""", params (string, string)[] headers) => SendAsync(
            HttpMethod.Put, $"/api/v1/schedule/{Uri.EscapeDataString(id)}", cancellationToken,
            $$"""{ {{more}} "cron": "30 2 * * *", "command_criteria": ["{{command}}"], "cluster_criteria": ["{{cluster}}"], "context": {{context}} }""", headers);

    private Task<Reply> PostAsync(string path, CancellationToken cancellationToken, string? body = null, string? user = null) =>
        SendAsync(HttpMethod.Post, path, cancellationToken, body, user is null ? [] : [("X-Heimdall-User", user)]);

    private Task<Reply> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken, string? body = null, params (string, string)[] headers) =>
        _heimdall.SendAsync(method, path, cancellationToken, body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"), headers);
}
