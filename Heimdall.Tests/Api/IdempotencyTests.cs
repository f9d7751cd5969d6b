using System.Text;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Submissions that are sent again under the same <c>Idempotency-Key</c>.</summary>
[CancelAfter(60_000)]
public sealed class IdempotencyTests
{
    private const string Key = "Idempotency-Key";
    private const string Criteria = "\"command_criteria\": [\"type:postgres\"], \"cluster_criteria\": [\"_id:postgres\"]";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.Target.ExecuteAsync("create table effect (name text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_submission_that_is_sent_again_gets_the_first_answer_and_makes_no_job(CancellationToken cancellationToken)
    {
        var first = (await _heimdall.PostJobAsync(Batch("again"), cancellationToken, (Key, "again"))).AssertStatus(202);
        await _heimdall.WaitForStatusAsync(first.Id, "SUCCEEDED", cancellationToken);

        var second = (await _heimdall.PostJobAsync(Batch("again"), cancellationToken, (Key, "\"again\""))).AssertStatus(202);

        Assert.That(first.Header("Idempotency-Replayed"), Is.Null);
        Assert.That(second.Header("Idempotency-Replayed"), Is.EqualTo("true"));
        Assert.That(second.Id, Is.EqualTo(first.Id));
        Assert.That(second.Header("Location"), Is.EqualTo(first.Header("Location")).And.Not.Null);
        Assert.That(second["status"], Is.EqualTo("SUCCEEDED"), "the job as it stands");
        Assert.That(await EffectsAsync("again", cancellationToken), Is.EqualTo(1));
        Assert.That(await JobsAsync("again", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_caller_who_sends_again_may_wait_for_the_end(CancellationToken cancellationToken)
    {
        var body = Job("patient", "select 1", returnResult: true);
        var first = (await _heimdall.PostJobAsync(body, cancellationToken, (Key, "patient"), ("Prefer", "respond-async"))).AssertStatus(202);

        var second = await _heimdall.PostJobAsync(body, cancellationToken, (Key, "patient"), ("Prefer", "respond-async, wait=40"));

        second.AssertStatus(200);
        Assert.That((second.Id, second["status"]), Is.EqualTo((first.Id, "SUCCEEDED")));
        Assert.That(second.Header("Idempotency-Replayed"), Is.EqualTo("true"));
    }

    [Test]
    public async Task A_key_belongs_to_one_body(CancellationToken cancellationToken)
    {
        (await _heimdall.PostJobAsync(Batch("one"), cancellationToken, (Key, "body"))).AssertStatus(202);

        var other = await _heimdall.PostJobAsync(Batch("two"), cancellationToken, (Key, "body"));
        var many = await PostJobsAsync($"[{Batch("one")}]", "body", cancellationToken);

        other.AssertProblem(422, "Idempotency-Key", "another body");
        many.AssertProblem(422, "Idempotency-Key", "another body");
        Assert.That(await JobsAsync("two", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_key_belongs_to_one_caller(CancellationToken cancellationToken)
    {
        var alice = (await _heimdall.PostJobAsync(Batch("whose"), cancellationToken, (Key, "whose"), ("X-Heimdall-User", "alice"))).AssertStatus(202);
        var bob = (await _heimdall.PostJobAsync(Batch("whose"), cancellationToken, (Key, "whose"), ("X-Heimdall-User", "bob"))).AssertStatus(202);

        Assert.That(bob.Id, Is.Not.EqualTo(alice.Id));
        Assert.That(bob.Header("Idempotency-Replayed"), Is.Null);
    }

    [Test]
    public async Task A_submission_that_was_refused_leaves_its_key_free(CancellationToken cancellationToken)
    {
        (await _heimdall.PostJobAsync("""{"name": "refused"}""", cancellationToken, (Key, "free"))).AssertProblem(400);

        var mended = (await _heimdall.PostJobAsync(Batch("mended"), cancellationToken, (Key, "free"))).AssertStatus(202);

        Assert.That(mended.Header("Idempotency-Replayed"), Is.Null);
    }

    [TestCase("")]
    [TestCase("\"")]
    [TestCase("\"\"")]
    [TestCase("\"a\"b\"")]
    [TestCase("\"a\\b\"")]
    public async Task A_key_that_cannot_be_one_is_refused(string key, CancellationToken cancellationToken)
    {
        var one = await _heimdall.PostJobAsync(Batch("unkeyed"), cancellationToken, (Key, key));
        var many = await PostJobsAsync($"[{Batch("unkeyed")}]", key, cancellationToken);

        one.AssertProblem(400, Key, "1 to 255 printable ASCII characters");
        many.AssertProblem(400, Key, "1 to 255 printable ASCII characters");
        Assert.That(await JobsAsync("unkeyed", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_key_has_255_characters_at_most(CancellationToken cancellationToken)
    {
        (await _heimdall.PostJobAsync(Batch("long"), cancellationToken, (Key, new string('k', 255)))).AssertStatus(202);
        (await _heimdall.PostJobAsync(Batch("long"), cancellationToken, (Key, new string('k', 256)))).AssertProblem(400, Key);
    }

    [Test]
    public async Task Of_many_first_calls_at_one_time_one_makes_the_job(CancellationToken cancellationToken)
    {
        var calls = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => _heimdall.PostJobAsync(Batch("race"), cancellationToken, (Key, "race"))));

        var taken = calls.Where(call => (int)call.Status == 202).ToArray();
        Assert.That(taken.Select(call => call.Id).Distinct().Count(), Is.EqualTo(1));
        AssertOutstanding(calls.Except(taken));
        Assert.That(await JobsAsync("race", cancellationToken), Is.EqualTo(1));
        await _heimdall.WaitForStatusAsync(taken[0].Id, "SUCCEEDED", cancellationToken);
        Assert.That(await EffectsAsync("race", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task Of_many_first_queries_at_one_time_one_runs(CancellationToken cancellationToken)
    {
        var body = Job("query-race", "insert into effect values ('query-race') returning name", returnResult: true);

        var calls = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => _heimdall.PostJobAsync(body, cancellationToken, (Key, "query-race"))));

        Assert.That(calls.Count(call => (int)call.Status == 200), Is.EqualTo(1), "the rows went to one of them");
        foreach (var call in calls.Where(call => (int)call.Status != 200))
        {
            call.AssertProblem(409, Key);
        }
        Assert.That(await EffectsAsync("query-race", cancellationToken), Is.EqualTo(1));
        Assert.That(await JobsAsync("query-race", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_call_whose_key_is_being_recorded_is_told_to_come_again(CancellationToken cancellationToken)
    {
        await using var other = new NpgsqlConnection(_heimdall.Store.ConnectionString);
        await other.OpenAsync(cancellationToken);
        await using (var transaction = await other.BeginTransactionAsync(cancellationToken))
        {
            await using var take = new NpgsqlCommand("select pg_advisory_xact_lock(hashtextextended('anonymous taken', 0))", other);
            await take.ExecuteNonQueryAsync(cancellationToken);

            var batch = await _heimdall.PostJobAsync(Batch("taken"), cancellationToken, (Key, "taken"));
            var query = await _heimdall.PostJobAsync(Job("taken", "select 1", returnResult: true), cancellationToken, (Key, "taken"));

            AssertOutstanding(batch, query);
            Assert.That(await JobsAsync("taken", cancellationToken), Is.Zero);
        }
        (await _heimdall.PostJobAsync(Batch("taken"), cancellationToken, (Key, "taken"))).AssertStatus(202);
    }

    [TestCase("select 1", "SUCCEEDED")]
    [TestCase("select 1 / 0", "FAILED")]
    public async Task A_query_is_not_run_again_and_its_job_is_named(string sql, string status, CancellationToken cancellationToken)
    {
        var body = Job($"once-{status}", sql, returnResult: true);
        await _heimdall.PostJobAsync(body, cancellationToken, (Key, $"once-{status}"));
        var id = await _heimdall.FindJobAsync($"once-{status}", status, cancellationToken);

        var again = await _heimdall.PostJobAsync(body, cancellationToken, (Key, $"once-{status}"));

        again.AssertProblem(409, id.ToString(), status, "not stored");
        Assert.That((again.Id, again["status_of_job"]), Is.EqualTo((id, status)));
        Assert.That(again.Header("Idempotency-Replayed"), Is.Null, "it is not the first answer");
        Assert.That(await JobsAsync($"once-{status}", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_query_that_still_runs_is_named(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("slow-query", cancellationToken);
        var body = Job("slow-query", HeimdallInstance.WaitAt("slow-query"), returnResult: true);
        var first = _heimdall.PostJobAsync(body, cancellationToken, (Key, "slow-query"));
        var id = await _heimdall.FindJobAsync("slow-query", "RUNNING", cancellationToken);

        var again = await _heimdall.PostJobAsync(body, cancellationToken, (Key, "slow-query"));
        await _heimdall.OpenGateAsync("slow-query", cancellationToken);

        again.AssertProblem(409, id.ToString(), "RUNNING");
        Assert.That(again.Header("Retry-After"), Is.Not.Null);
        (await first).AssertStatus(200);
    }

    [Test]
    public async Task Many_jobs_have_one_key(CancellationToken cancellationToken)
    {
        var body = $"[{Batch("many")}, {Batch("many")}, {Batch("many")}]";
        var first = (await PostJobsAsync(body, "many", cancellationToken)).AssertStatus(202);
        var second = (await PostJobsAsync(body, "many", cancellationToken)).AssertStatus(202);

        Assert.That(Ids(second), Is.EqualTo(Ids(first)));
        Assert.That(first.Header("Idempotency-Replayed"), Is.Null);
        Assert.That(second.Header("Idempotency-Replayed"), Is.EqualTo("true"));
        Assert.That(await JobsAsync("many", cancellationToken), Is.EqualTo(3));

        static List<Guid> Ids(Reply reply) => [.. reply.Json.EnumerateArray().Select(job => job.GetProperty("id").GetGuid())];
    }

    [Test]
    public async Task Old_keys_are_forgotten(CancellationToken cancellationToken)
    {
        foreach (var (key, age) in new[] { ("old", "25 hours"), ("young", "23 hours") })
        {
            await _heimdall.Store.ExecuteAsync(
                "insert into heimdall.idempotency_key values ('sweep', $1, '', '{}', now() - $2::interval)", cancellationToken, key, age);
        }

        // The next keeper does all of the upkeep at once.
        await _heimdall.Store.ExecuteAsync(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'heimdall keeper'
            """,
            cancellationToken);

        await Eventually.Becomes(
            () => _heimdall.Store.ColumnAsync<string>(
                """select key from heimdall.idempotency_key where "user" = 'sweep'""", cancellationToken),
            () => Is.EqualTo(new[] { "young" }),
            cancellationToken);
    }

    private static void AssertOutstanding(params IEnumerable<Reply> calls)
    {
        foreach (var call in calls)
        {
            call.AssertProblem(409, Key);
            Assert.That(call.Header("Retry-After"), Is.Not.Null);
        }
    }

    private static string Batch(string name) => Job(name, $"insert into effect values ('{name}')", returnResult: false);

    private static string Job(string name, string sql, bool returnResult) =>
        $$$"""{"name": "{{{name}}}", {{{Criteria}}}, "context": {"query": "{{{sql}}}", "return_result": {{{(returnResult ? "true" : "false")}}}}}""";

    private Task<Reply> PostJobsAsync(string body, string key, CancellationToken cancellationToken) => _heimdall.SendAsync(
        HttpMethod.Post, "/api/v1/jobs", cancellationToken, new StringContent(body, Encoding.UTF8, "application/json"), (Key, key));

    private Task<long> JobsAsync(string name, CancellationToken cancellationToken) =>
        _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where name = $1", cancellationToken, name);

    private Task<long> EffectsAsync(string name, CancellationToken cancellationToken) =>
        _heimdall.Target.ScalarAsync<long>("select count(*) from effect where name = $1", cancellationToken, name);
}
