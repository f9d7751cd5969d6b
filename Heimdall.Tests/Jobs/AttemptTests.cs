using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that are tried again, and what is told of each attempt. Each test runs workers of its own.</summary>
[CancelAfter(90_000)]
public sealed class AttemptTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(Configure, worker: false);
        await GatedBatch.PrepareAsync(_heimdall);
        await _heimdall.Target.ExecuteAsync("create table account (id int primary key, amount int not null); insert into account values (1, 0), (2, 0)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_job_that_is_delivered_too_early_waits_for_its_time(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        var retryAt = await heimdall.Store.ScalarAsync<DateTime>(
            "update heimdall.job set retry_at = now() + interval '8 seconds' where id = $1 returning retry_at", cancellationToken, id);

        await using var worker = await heimdall.StartWorkerAsync();
        var job = await heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await heimdall.Store.ScalarAsync<bool>("select started_at >= $2 from heimdall.job where id = $1", cancellationToken, id, retryAt), Is.True);
    }

    [Test]
    public async Task A_batch_that_failed_in_a_way_that_passes_runs_again(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create sequence twice", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();

        var id = (await SubmitAsync("type:thrice", $"insert into effect values ('twice', 1); {FailUntil("twice", 3, "40001")}", cancellationToken)).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That((job["status"], job["attempt"], job["statements"]), Is.EqualTo(("SUCCEEDED", "3", "2")), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "twice", cancellationToken), Is.EqualTo(new[] { 1 }));
        var attempts = await AttemptsAsync(id, cancellationToken);
        Assert.That(attempts.Select(attempt => (Text(attempt, "outcome"), Text(attempt, "sqlstate"))), Is.EqualTo(new[] { ("FAILED", "40001"), ("FAILED", "40001"), ("SUCCEEDED", (string?)null) }));
        Assert.That(attempts.Select(attempt => Text(attempt, "xid")).Distinct().Count(), Is.EqualTo(3));
        Assert.That(Text(attempts[0], "error"), Is.EqualTo("not yet"));
        Assert.That(Text(attempts[0], "detail"), Does.StartWith("Nothing of it took effect: the job runs again after"));
        Assert.That(attempts, Has.All.Matches<JsonElement>(attempt => attempt.GetProperty("pid").GetInt32() > 0 && Text(attempt, "worker") is not null && Text(attempt, "finished_at") is not null));
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
        Assert.That(await QueueStatesAsync(id, cancellationToken), Does.Contain("Scheduled").And.Not.Contain("Failed"));
    }

    [Test]
    public async Task One_that_fails_as_often_as_it_may_is_failed(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create sequence always", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();

        var id = (await SubmitAsync("type:twice", FailUntil("always", 100, "40P01"), cancellationToken)).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That((job["status"], job["attempt"], job["sqlstate"]), Is.EqualTo(("FAILED", "2", "40P01")), job.Text);
        Assert.That((await AttemptsAsync(id, cancellationToken)).Select(attempt => Text(attempt, "outcome")), Is.EqualTo(new[] { "FAILED", "FAILED" }));
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Failed: [40P01]"), cancellationToken);
    }

    [TestCase("type:postgres", "40001", "single", TestName = "A_command_that_does_not_ask_for_it_runs_nothing_again")]
    [TestCase("type:thrice", "22012", "single", TestName = "An_error_that_does_not_pass_is_final")]
    [TestCase("type:thrice", "40001", "none", TestName = "What_may_have_taken_effect_is_not_run_again")]
    public async Task One_attempt_is_all(string command, string sqlState, string transaction, CancellationToken cancellationToken)
    {
        var sequence = $"once_{sqlState}_{transaction}_{command[5..]}".ToLowerInvariant();
        await _heimdall.Target.ExecuteAsync($"create sequence {sequence}", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();

        var id = (await SubmitAsync(command, $"insert into effect values ('{sequence}', 1); {FailUntil(sequence, 2, sqlState)}", cancellationToken, transaction)).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That((job["status"], job["attempt"], job["sqlstate"]), Is.EqualTo(("FAILED", "1", sqlState)), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, sequence, cancellationToken), Has.Count.EqualTo(transaction == "none" ? 1 : 0));
    }

    [Test]
    public async Task An_idempotent_one_runs_again_after_an_effect_too(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create sequence harmless", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();

        var id = (await SubmitAsync("type:idempotent", $"insert into effect values ('harmless', 1); {FailUntil("harmless", 2, "40001")}", cancellationToken, "none")).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That((job["status"], job["attempt"]), Is.EqualTo(("SUCCEEDED", "2")), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "harmless", cancellationToken), Is.EqualTo(new[] { 1, 1 }));
        Assert.That(Text((await AttemptsAsync(id, cancellationToken))[0], "detail"), Does.StartWith("Its command is idempotent"));
    }

    [Test]
    public async Task Two_batches_that_are_in_each_others_way_both_succeed(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("crossing", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();

        var ids = new List<Guid>();
        foreach (var (mine, other) in new[] { (1, 2), (2, 1) })
        {
            ids.Add((await SubmitAsync(
                "type:thrice",
                $"update account set amount = amount + 1 where id = {mine}; {HeimdallInstance.WaitAt("crossing")}; update account set amount = amount + 1 where id = {other}",
                cancellationToken)).Id);
        }
        foreach (var id in ids)
        {
            await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["statements"] == "1", cancellationToken);
        }
        await _heimdall.OpenGateAsync("crossing", cancellationToken);
        var jobs = new[] { await _heimdall.WaitForEndAsync(ids[0], cancellationToken), await _heimdall.WaitForEndAsync(ids[1], cancellationToken) };

        Assert.That(jobs.Select(job => job["status"]), Is.All.EqualTo("SUCCEEDED"));
        Assert.That(jobs.Select(job => job["attempt"]), Is.EquivalentTo(new[] { "1", "2" }));
        Assert.That(await _heimdall.Target.ColumnAsync<int>("select amount from account order by id", cancellationToken), Is.EqualTo(new[] { 2, 2 }));
    }

    [Test]
    public async Task The_next_attempt_comes_also_when_the_worker_dies_while_the_job_waits(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create sequence orphaned", cancellationToken);
        await using var first = _heimdall.StartWorkerProcess();
        var id = (await SubmitAsync("type:thrice", $"insert into effect values ('orphaned', 1); {FailUntil("orphaned", 2, "40001")}", cancellationToken)).Id;
        await Eventually.Is(async () => (await AttemptsAsync(id, cancellationToken)) is [var attempt, ..] && Text(attempt, "outcome") == "FAILED", cancellationToken);

        await first.KillAsync(cancellationToken);
        // As if it had died before Hangfire knew that the job is to wait.
        await _heimdall.Store.ExecuteAsync("delete from hangfire.set where key = 'schedule'", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "orphaned", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task A_job_that_waits_to_be_tried_again_can_be_cancelled(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create sequence waiting", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();
        var id = (await SubmitAsync("type:patient", FailUntil("waiting", 100, "40001"), cancellationToken)).Id;
        await Eventually.Is(
            async () => await AttemptsAsync(id, cancellationToken) is { Count: >= 3 } attempts && attempts.TrueForAll(attempt => Text(attempt, "outcome") == "FAILED"),
            cancellationToken);

        var reply = (await _heimdall.CancelAsync(id, cancellationToken)).AssertStatus(200);

        Assert.That(reply["status"], Is.EqualTo("CANCELED"), reply.Text);
        Assert.That(await _heimdall.QueueStateAsync(id, cancellationToken), Does.StartWith("Deleted"));
    }

    [Test]
    public async Task A_batch_whose_session_is_ended_by_the_server_runs_again(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("ended", cancellationToken);
        await using var worker = await _heimdall.StartWorkerAsync();
        var id = (await SubmitAsync("type:thrice", $"insert into effect values ('ended', 1); {HeimdallInstance.WaitAt("ended")}", cancellationToken)).Id;
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["statements"] == "1", cancellationToken);

        await _heimdall.Target.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where application_name like $1", cancellationToken, $"heimdall {id} %");
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("ended", cancellationToken);
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(Text((await AttemptsAsync(id, cancellationToken))[0], "sqlstate"), Is.EqualTo("57P01"));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "ended", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task Each_attempt_tells_how_it_ended_when_a_worker_was_killed(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "listed", cancellationToken);
        var running = await AttemptsAsync(id, cancellationToken);

        await first.KillAsync(cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("listed", cancellationToken);
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(running, Has.Count.EqualTo(1));
        Assert.That((Text(running[0], "outcome"), Text(running[0], "finished_at")), Is.EqualTo(((string?)null, (string?)null)));
        var attempts = await AttemptsAsync(id, cancellationToken);
        Assert.That(attempts.Select(attempt => Text(attempt, "outcome")), Is.EqualTo(new[] { "LOST", "SUCCEEDED" }));
        Assert.That(Text(attempts[0], "detail"), Is.EqualTo("Its worker stopped renewing its lease. Nothing of it took effect."));
        Assert.That(Text(attempts[0], "worker"), Does.EndWith($":{first.Id}"));
        Assert.That(Text(attempts[1], "worker"), Does.EndWith($":{Environment.ProcessId}"));
    }

    [Test]
    public async Task An_idempotent_batch_without_a_transaction_is_simply_run_again_when_its_worker_dies(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("again", cancellationToken);
        await using var first = _heimdall.StartWorkerProcess();
        var id = (await SubmitAsync(
            "type:idempotent", $"insert into effect values ('again', 1); {HeimdallInstance.WaitAt("again")}; insert into effect values ('again', 2)", cancellationToken, "none")).Id;
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["statements"] == "1", cancellationToken);

        await first.KillAsync(cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("again", cancellationToken);
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "again", cancellationToken), Is.EqualTo(new[] { 1, 1, 2 }));
        Assert.That(Text((await AttemptsAsync(id, cancellationToken))[0], "detail"), Does.EndWith("What it had done by then stays."));
    }

    [Test]
    public async Task An_inline_query_has_one_attempt(CancellationToken cancellationToken)
    {
        await _heimdall.SubmitAsync("select 1 / 0", returnResult: true, cancellationToken, name: "inline-attempt");
        var id = await _heimdall.FindJobAsync("inline-attempt", "FAILED", cancellationToken);

        var attempts = await AttemptsAsync(id, cancellationToken);

        Assert.That(attempts.Select(attempt => (attempt.GetProperty("attempt").GetInt32(), Text(attempt, "outcome"), Text(attempt, "sqlstate"))), Is.EqualTo(new[] { (1, "FAILED", "22012") }));
        Assert.That(Text(attempts[0], "worker"), Does.EndWith($":{Environment.ProcessId}"));
    }

    [Test]
    public async Task A_job_that_waits_has_none_and_one_that_is_unknown_is_not_found(CancellationToken cancellationToken)
    {
        var id = (await SubmitAsync("type:postgres", "select 1", cancellationToken)).Id;

        Assert.That(await AttemptsAsync(id, cancellationToken), Is.Empty);
        (await _heimdall.GetAsync($"/api/v1/job/{Guid.NewGuid()}/attempts", cancellationToken)).AssertStatus(404);
        await _heimdall.CancelAsync(id, cancellationToken);
    }

    private static InstanceConfig Configure(InstanceConfig config) => (config with { Worker = "lease: 2s" })
        .WithCommand("thrice", "type:thrice", ", max_attempts: 3")
        .WithCommand("patient", "type:patient", ", max_attempts: 9")
        .WithCommand("twice", "type:twice", ", max_attempts: 2")
        .WithCommand("idempotent", "type:idempotent", ", max_attempts: 2, idempotent: true");

    /// <summary>A statement that fails until it has been run so often: what a sequence has given out is not taken back.</summary>
    private static string FailUntil(string sequence, int count, string sqlState) =>
        $"do $$ begin if nextval('{sequence}') < {count} then raise exception 'not yet' using errcode = '{sqlState}'; end if; end $$";

    private Task<Reply> SubmitAsync(string command, string query, CancellationToken cancellationToken, string transaction = "single") =>
        _heimdall.SubmitAsync(query, returnResult: false, cancellationToken, command: command, more: new { transaction });

    private async Task<List<JsonElement>> AttemptsAsync(Guid id, CancellationToken cancellationToken) =>
        [.. (await _heimdall.GetAsync($"/api/v1/job/{id}/attempts", cancellationToken)).AssertStatus(200).Json.EnumerateArray()];

    private Task<List<string>> QueueStatesAsync(Guid id, CancellationToken cancellationToken) => _heimdall.Store.ColumnAsync<string>(
        "select distinct name from hangfire.state where jobid = (select queue_id::bigint from heimdall.job where id = $1)", cancellationToken, id);

    private static string? Text(JsonElement attempt, string field) => attempt.TryGetProperty(field, out var value) ? value.GetString() : null;
}
