using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Many jobs in one request: all of them or none.</summary>
[CancelAfter(60_000)]
public sealed class SubmitJobsTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => (config with { Server = "max_queued_per_caller: 1000" })
        .WithCommand("private", "type:private", ", allowed_callers: [alice]")
        .WithCluster("down", "type:postgres, data:local, data:down", "postgresql://127.0.0.1:1/nothing"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Each_is_queued_and_answered_in_its_place(CancellationToken cancellationToken)
    {
        var reply = await PostAsync([Job("first", "select 1; select 2"), Job("second", "select 7 as seven", returnResult: true)], cancellationToken);

        Assert.That(reply.AssertStatus(202).Header("Retry-After"), Is.EqualTo("1"));
        var jobs = reply.Json.EnumerateArray().ToArray();
        Assert.That(jobs.Select(job => job.GetProperty("name").GetString()), Is.EqualTo(new[] { "first", "second" }));
        Assert.That(jobs.Select(job => job.GetProperty("status").GetString()), Is.All.EqualTo("ACCEPTED"));
        Assert.That(jobs.Select(job => job.GetProperty("is_sync").GetBoolean()), Is.All.False);
        foreach (var job in jobs)
        {
            Assert.That((await _heimdall.WaitForEndAsync(job.GetProperty("id").GetGuid(), cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        }
        var result = await _heimdall.GetAsync($"/api/v1/job/{jobs[1].GetProperty("id").GetGuid()}/result", cancellationToken);
        Assert.That(result.AssertStatus(200)["data"], Is.EqualTo("[[7]]"));
    }

    [Test]
    public async Task A_thousand_are_taken_at_once_and_no_more(CancellationToken cancellationToken)
    {
        // Without a worker: the other tests' jobs would wait behind these.
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var jobs = Enumerable.Range(0, 1000).Select(i => Job($"thousand-{i}", "select 1")).ToArray();
        var started = Stopwatch.GetTimestamp();

        var taken = await PostAsync(heimdall, jobs, cancellationToken);

        await TestContext.Progress.WriteLineAsync($"1,000 jobs were submitted in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms");
        Assert.That(taken.AssertStatus(202).Json.EnumerateArray().Select(job => job.GetProperty("name").GetString()),
            Is.EqualTo(Enumerable.Range(0, 1000).Select(i => $"thousand-{i}")));
        var refused = await PostAsync(heimdall, [.. jobs, Job("too-many", "select 1")], cancellationToken);
        refused.AssertProblem(400, "1 to 1,000 jobs", "1,001");
        Assert.That(
            await heimdall.Store.ScalarAsync<long>(
                """
                select count(*) from heimdall.job
                join hangfire.job queued on queued.id = job.queue_id::bigint and queued.arguments::text like '%' || job.id || '%' and queued.statename = 'Enqueued'
                join hangfire.state on state.id = queued.stateid and state.jobid = queued.id and state.name = 'Enqueued'
                """,
                cancellationToken),
            Is.EqualTo(1000));
    }

    [TestCase("[]", "1 to 1,000")]
    [TestCase("{}", "array")]
    [TestCase("5", "array")]
    [TestCase("[{}", "JSON")]
    public async Task What_is_no_array_of_jobs_is_refused(string body, string what, CancellationToken cancellationToken)
    {
        var reply = await PostAsync(body, cancellationToken);

        reply.AssertProblem(400, "body", what);
    }

    [Test]
    public async Task Every_fault_is_told_by_its_place_and_nothing_is_recorded(CancellationToken cancellationToken)
    {
        var reply = await PostAsync(
            $$$"""
            [{{{Job("faulty", "select 1")}}},
             5,
             {{{Job("faulty", "select 1").Replace("faulty", "", StringComparison.Ordinal)}}},
             {"name": "a", "name": "b"},
             {"name": "\ud800"},
             {{{Job("faulty", "missing.sql")}}},
             {{{Job("faulty", "select 1").Replace("{\"name\"", "{\"user\": \"root\", \"name\"", StringComparison.Ordinal)}}},
             {{{Job("faulty", "select 1; select 2", returnResult: true)}}},
             {{{Job("faulty", "select 1", command: "type:unknown")}}}]
            """,
            cancellationToken);

        reply.AssertProblem(400, "[1]: Must be a JSON object.", "[8]: No command carries");
        Assert.That(
            reply.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name),
            Is.EquivalentTo(new[] { "[1]", "[2].name", "[3]", "[4].name", "[5].context.query", "[6].user", "[7].context.query", "[8]" }));
        await AssertNothingRecordedAsync("faulty", cancellationToken);
    }

    [TestCase(422, "type:unknown", "type:private", "data:down")]
    [TestCase(403, "type:private", "type:private", "data:down")]
    [TestCase(503, "type:postgres", "type:postgres", "data:down")]
    public async Task Those_that_match_nothing_are_told_with_what_waiting_cannot_mend_first(
        int status, string first, string second, string cluster, CancellationToken cancellationToken)
    {
        await _heimdall.GetAsync("/api/v1/cluster/down/health", cancellationToken);

        var reply = await PostAsync(
            [
                Job("unmatched", "select 1"), Job("unmatched", "select 1", command: first, cluster: "data:down"),
                Job("unmatched", "select 1", command: second, cluster: "data:down"), Job("unmatched", "select 1", cluster: cluster),
            ],
            cancellationToken);

        reply.AssertProblem(status, "[1]: ", "[2]: ", "[3]: ");
        Assert.That(reply.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name), Is.EqualTo(new[] { "[1]", "[2]", "[3]" }));
        Assert.That(reply.Header("Retry-After"), status == 503 ? Is.EqualTo("10") : Is.Null);
        await AssertNothingRecordedAsync("unmatched", cancellationToken);
    }

    [Test]
    public async Task Empty_criteria_match_nothing(CancellationToken cancellationToken)
    {
        var reply = await PostAsync([Job("empty", "select 1"), """{"name": "empty", "context": {"query": "select 1"}}"""], cancellationToken);

        reply.AssertProblem(422, "[1]: command_criteria and cluster_criteria: empty.");
        await AssertNothingRecordedAsync("empty", cancellationToken);
    }

    [Test]
    public async Task The_limit_of_a_caller_holds_for_all_of_them(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("full", cancellationToken);
        var waiting = HeimdallInstance.WaitAt("full");
        var first = (await PostAsync([.. Enumerable.Range(0, 8).Select(_ => Job("full", waiting))], cancellationToken, "full")).AssertStatus(202);

        var refused = await PostAsync([.. Enumerable.Range(0, 1000).Select(_ => Job("overfull", "select 1"))], cancellationToken, "full");

        refused.AssertProblem(429, "With these 1000", "'full'");
        Assert.That(refused.Header("Retry-After"), Is.EqualTo("10"));
        await AssertNothingRecordedAsync("overfull", cancellationToken);
        await _heimdall.OpenGateAsync("full", cancellationToken);
        foreach (var job in first.Json.EnumerateArray())
        {
            await _heimdall.WaitForStatusAsync(job.GetProperty("id").GetGuid(), "SUCCEEDED", cancellationToken);
        }
    }

    [Test]
    public async Task A_store_that_refuses_one_of_the_rows_keeps_none(CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync("alter table heimdall.job add constraint picky check (name <> 'refused-by-store')", cancellationToken);

        var reply = await PostAsync([Job("half", "select 1"), Job("refused-by-store", "select 1")], cancellationToken);

        reply.AssertProblem(500);
        await AssertNothingRecordedAsync("half", cancellationToken);
        Assert.That(await _heimdall.Store.ScalarAsync<long>(
            "select count(*) from hangfire.job queued where not exists (select from heimdall.job where queue_id = queued.id::text)", cancellationToken), Is.Zero);
        await _heimdall.Store.ExecuteAsync("alter table heimdall.job drop constraint picky", cancellationToken);
    }

    private static Task<Reply> PostAsync(HeimdallInstance heimdall, string[] jobs, CancellationToken cancellationToken) => heimdall.SendAsync(
        HttpMethod.Post, "/api/v1/jobs", cancellationToken, new StringContent($"[{string.Join(", ", jobs)}]", Encoding.UTF8, "application/json"));

    private Task<Reply> PostAsync(string[] jobs, CancellationToken cancellationToken, string user = "many") =>
        PostAsync($"[{string.Join(", ", jobs)}]", cancellationToken, user);

    private Task<Reply> PostAsync(string body, CancellationToken cancellationToken, string user = "many") => _heimdall.SendAsync(
        HttpMethod.Post, "/api/v1/jobs", cancellationToken, new StringContent(body, Encoding.UTF8, "application/json"), ("X-Heimdall-User", user));

    private async Task AssertNothingRecordedAsync(string name, CancellationToken cancellationToken)
    {
        var jobs = await _heimdall.GetAsync($"/api/v1/jobs?name={name}", cancellationToken);
        Assert.That(jobs.AssertStatus(200).Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    private static string Job(string name, string query, bool returnResult = false, string command = "type:postgres", string cluster = "_id:postgres") =>
        JsonSerializer.Serialize(new
        {
            name,
            version = "0.0.1",
            command_criteria = new[] { command },
            cluster_criteria = new[] { cluster },
            context = new { query, return_result = returnResult },
        });
}
