using System.Net.Http.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that start after others.</summary>
[CancelAfter(120_000)]
public sealed class AfterTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, concurrency: 8" });

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_chain_runs_in_its_order(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("chain", cancellationToken);
        await _heimdall.Target.ExecuteAsync("create table trace (place serial, name text)", cancellationToken);
        var ids = await PostAsync(
            cancellationToken, Job("third", Trace("third"), 1), Job("second", Trace("second"), 2),
            Job("first", $"{HeimdallInstance.WaitAt("chain")}; {Trace("first")}"));
        await _heimdall.WaitForStatusAsync(ids[2], "RUNNING", cancellationToken);

        var second = await _heimdall.JobAsync(ids[1], cancellationToken);
        Assert.That(
            (second["status"], second["waiting_for"]),
            Is.EqualTo(("ACCEPTED", $"job {ids[2]}, until it has succeeded (it is RUNNING)")));
        Assert.That(
            second.Json.GetProperty("after")[0].ToString(), Is.EqualTo($$"""{"job":"{{ids[2]}}","on":"succeeded"}"""));
        var page = (await _heimdall.GetAsync($"/hangfire/sql/jobs/{ids[1]}", cancellationToken)).Text;
        Assert.That(page, Does.Contain($"It waits for job {ids[2]}").And.Contain($"/sql/jobs/{ids[2]}\""));

        await _heimdall.OpenGateAsync("chain", cancellationToken);
        await _heimdall.WaitForStatusAsync(ids[0], "SUCCEEDED", cancellationToken);
        Assert.That(
            await _heimdall.Target.ColumnAsync<string>("select name from trace order by place", cancellationToken),
            Is.EqualTo(new[] { "first", "second", "third" }));
    }

    [TestCase("succeeded", "SUCCEEDED", "CANCELED", "CANCELED", "CANCELED")]
    [TestCase("failed", "CANCELED", "SUCCEEDED", "SUCCEEDED", "CANCELED")]
    [TestCase("ended", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED")]
    public async Task How_the_other_one_ends_decides(
        string on, string afterSucceeded, string afterFailed, string afterKilled, string afterCanceled, CancellationToken cancellationToken)
    {
        string[] expected = [afterSucceeded, afterFailed, afterKilled, afterCanceled];
        await _heimdall.CloseGateAsync($"ends-{on}", cancellationToken);
        var ids = await PostAsync(
            cancellationToken, Job("succeeded", "select 1"), Job("failed", "select 1/0"),
            With(Job("killed", ""), "context", new { query = "select pg_sleep(60)", timeout_seconds = 1 }),
            Job("canceled", HeimdallInstance.WaitAt($"ends-{on}")),
            Job("a", "select 1", On(0, on)), Job("b", "select 1", On(1, on)), Job("c", "select 1", On(2, on)), Job("d", "select 1", On(3, on)));
        await _heimdall.WaitForStatusAsync(ids[3], "RUNNING", cancellationToken);
        await _heimdall.CancelAsync(ids[3], cancellationToken);

        var ends = new List<Reply>();
        foreach (var id in ids[4..])
        {
            ends.Add(await _heimdall.WaitForEndAsync(id, cancellationToken));
        }

        Assert.That(ends.Select(end => end["status"]), Is.EqualTo(expected));
        foreach (var (end, before) in ends.Zip(ids[..4]).Where(pair => pair.First["status"] == "CANCELED"))
        {
            var status = (await _heimdall.JobAsync(before, cancellationToken))["status"];
            Assert.That(end["error"], Is.EqualTo($"It never ran: it was to start after job {before} has {on}, and that job ended {status}."));
            Assert.That((end["attempt"], end["canceled_by"], end["waiting_for"]), Is.EqualTo(((string?)null, (string?)null, (string?)null)));
            await Eventually.Becomes(
                () => _heimdall.QueueStateAsync(end.Id, cancellationToken), () => Is.EqualTo($"Deleted: {end["error"]}"), cancellationToken);
        }
    }

    [Test]
    public async Task What_can_no_longer_start_cancels_what_waits_for_it(CancellationToken cancellationToken)
    {
        var ids = await PostAsync(
            cancellationToken, Job("root", "select 1/0"), Job("next", "select 1", 0), Job("last", "select 1", 1), Job("notice", "select 1", On(2, "ended")));

        await _heimdall.WaitForStatusAsync(ids[2], "CANCELED", cancellationToken);
        await _heimdall.WaitForStatusAsync(ids[3], "SUCCEEDED", cancellationToken);
        Assert.That((await _heimdall.JobAsync(ids[1], cancellationToken))["error"], Does.Contain($"job {ids[0]} has succeeded, and that job ended FAILED"));
        Assert.That((await _heimdall.JobAsync(ids[2], cancellationToken))["error"], Does.Contain($"job {ids[1]} has succeeded, and that job ended CANCELED"));
    }

    [Test]
    public async Task A_job_that_has_ended_already_decides_at_once(CancellationToken cancellationToken)
    {
        var ended = await _heimdall.EnqueueAsync("select 1", cancellationToken);
        await _heimdall.WaitForStatusAsync(ended, "SUCCEEDED", cancellationToken);

        var follower = await PostOneAsync(ended, "succeeded", cancellationToken);
        var late = await PostOneAsync(ended, "failed", cancellationToken);

        await _heimdall.WaitForStatusAsync(follower.AssertStatus(202).Id, "SUCCEEDED", cancellationToken);
        await _heimdall.WaitForStatusAsync(late.AssertStatus(202).Id, "CANCELED", cancellationToken);
    }

    [Test]
    public async Task All_of_several_must_have_ended_and_the_time_must_have_come(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("several", cancellationToken);
        var ids = await PostAsync(
            cancellationToken, Job("quick", "select 1"), Job("slow", HeimdallInstance.WaitAt("several")), Job("both", "select 1", 0, 1),
            With(Job("later", "select 1", 0), "start_after", "2999-01-01T00:00:00Z"));
        await _heimdall.WaitForStatusAsync(ids[0], "SUCCEEDED", cancellationToken);

        await Eventually.Becomes(
            async () => (await _heimdall.JobAsync(ids[2], cancellationToken))["waiting_for"],
            () => Is.EqualTo($"job {ids[1]}, until it has succeeded (it is RUNNING)"), cancellationToken);
        await Eventually.Becomes(
            async () => (await _heimdall.JobAsync(ids[3], cancellationToken))["waiting_for"],
            () => Is.EqualTo("start_after, 2999-01-01T00:00:00.000Z"), cancellationToken);

        await _heimdall.OpenGateAsync("several", cancellationToken);
        await _heimdall.WaitForStatusAsync(ids[2], "SUCCEEDED", cancellationToken);
        await _heimdall.CancelAsync(ids[3], cancellationToken);
    }

    [TestCase("[1]", "[2]", "[0]", "[0].after", "[0] waits for [1], which waits for [2], which waits for [0]")]
    [TestCase("[]", "[2]", "[1]", "[1].after", "[1] waits for [2], which waits for [1]")]
    [TestCase("[0]", "[]", "[]", "[0].after", "[0] waits for [0]")]
    [TestCase("[3]", "[]", "[]", "[0].after[0]", "0 to 2")]
    [TestCase("[-1]", "[]", "[]", "[0].after[0]", "0 to 2")]
    [TestCase("[]", "[0, {\"job\": 0, \"on\": \"failed\"}]", "[]", "[1].after[1]", "named twice")]
    [TestCase("[]", "[{\"job\": 0, \"on\": \"done\"}]", "[]", "[1].after[0]", "succeeded, failed, ended")]
    [TestCase("[]", "[{\"job\": 0, \"when\": \"failed\"}]", "[]", "[1].after[0]", "'when'")]
    [TestCase("[]", "[\"first\"]", "[]", "[1].after[0]", "the id of a job")]
    [TestCase("[]", "0", "[]", "[1].after", "array")]
    [TestCase("[]", "[\"01890000-0000-7000-8000-000000000000\"]", "[]", "[1].after[0]", "There is no job 01890000-0000-7000-8000-000000000000")]
    public async Task What_could_never_start_is_refused(
        string first, string second, string third, string path, string what, CancellationToken cancellationToken)
    {
        var jobs = string.Join(",", new[] { first, second, third }.Select(after =>
            $$"""
            {"name": "refused", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "after": {{after}}, "context": {"query": "select 1"} }
            """));

        var reply = await _heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/jobs", cancellationToken, new StringContent($"[{jobs}]", System.Text.Encoding.UTF8, "application/json"));

        reply.AssertProblem(400, $"{path}: ", what);
        Assert.That((await _heimdall.GetAsync("/api/v1/jobs?name=refused", cancellationToken)).Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_single_job_names_others_by_their_ids(CancellationToken cancellationToken)
    {
        (await PostAsync("[0]", returnResult: false)).AssertProblem(400, "after[0]: ", "POST /api/v1/jobs");
        (await PostAsync("[\"01890000-0000-7000-8000-000000000000\"]", returnResult: false))
            .AssertProblem(400, "after[0]: There is no job");
        (await PostAsync("[]", returnResult: true)).AssertProblem(400, "after: ", "waits in the queue");

        Task<Reply> PostAsync(string after, bool returnResult) => _heimdall.PostJobAsync(
            $$"""
            {"name": "single", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "after": {{after}}, "context": {"query": "select 1", "return_result": {{(returnResult ? "true" : "false")}} } }
            """,
            cancellationToken);
    }

    private static string Trace(string name) => $"insert into trace (name) values ('{name}')";

    private static object On(int place, string on) => new { job = place, on };

    private static Dictionary<string, object> Job(string name, string query, params object[] after) => new()
    {
        ["name"] = name,
        ["command_criteria"] = new[] { "type:postgres" },
        ["cluster_criteria"] = new[] { "_id:postgres" },
        ["after"] = after,
        ["context"] = new { query },
    };

    private static Dictionary<string, object> With(Dictionary<string, object> job, string field, object value) => new(job) { [field] = value };

    /// <returns>The ids of the jobs, in their order.</returns>
    private async Task<Guid[]> PostAsync(CancellationToken cancellationToken, params Dictionary<string, object>[] jobs)
    {
        var reply = await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(jobs));
        return [.. reply.AssertStatus(202).Json.EnumerateArray().Select(job => job.GetProperty("id").GetGuid())];
    }

    private Task<Reply> PostOneAsync(Guid before, string on, CancellationToken cancellationToken) => _heimdall.SendAsync(
        HttpMethod.Post, "/api/v1/job", cancellationToken, JsonContent.Create(Job("one", "select 1", new { job = before, on })));
}
