using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Batches that commit as they go, and do not come to their end. Each test runs workers of its own.</summary>
[CancelAfter(60_000)]
public sealed class InterruptedBatchTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, drain_timeout: 1s" }, worker: false);
        await _heimdall.Target.ExecuteAsync("create table effect (name text, step int)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task One_whose_worker_is_killed_is_failed_and_not_run_again(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await StartAsync("killed", cancellationToken);

        await first.KillAsync(cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.Contain("statement 1 is known to be done and stays done"));
        Assert.That(await _heimdall.HasBackendAsync(id, cancellationToken), Is.False);
        Assert.That(await StepsAsync("killed", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task One_whose_worker_is_asked_to_stop_is_failed_and_not_handed_on(CancellationToken cancellationToken)
    {
        await using var worker = _heimdall.StartWorkerProcess();
        var id = await StartAsync("stopped", cancellationToken);

        await worker.TerminateAsync(cancellationToken);
        await worker.WaitForExitAsync(cancellationToken);
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.StartWith("The worker was stopped.").And.Contain("statement 1 is known to be done"));
        Assert.That(await StepsAsync("stopped", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task One_that_is_cancelled_is_canceled_and_keeps_what_it_did(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();
        var id = await StartAsync("canceled", cancellationToken);

        await _heimdall.CancelAsync(id, cancellationToken);
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That((job["status"], job["statements"], job["rows_affected"]), Is.EqualTo(("CANCELED", "1", "1")), job.Text);
        Assert.That(await StepsAsync("canceled", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task One_that_takes_too_long_is_killed_and_says_what_it_did(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();

        var reply = await _heimdall.SubmitAsync(
            "insert into effect values ('late', 1); select pg_sleep(60)", returnResult: false, cancellationToken, more: new { transaction = "none", timeout_seconds = 5 });
        var job = await _heimdall.WaitForEndAsync(reply.AssertStatus(202).Id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("KILLED"), job.Text);
        Assert.That(await StepsAsync("late", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task Errors_are_seen_while_the_rest_still_runs(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();
        await _heimdall.CloseGateAsync("going", cancellationToken);

        var reply = await _heimdall.SubmitAsync(
            $"select 1;\nnonsense;\n{HeimdallInstance.WaitAt("going")};\ninsert into effect values ('going', 2)",
            returnResult: false, cancellationToken, more: new { transaction = "none", on_error = "continue" });
        var running = await Eventually.Becomes(
            () => _heimdall.JobAsync(reply.Id, cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(job => job?.Json.TryGetProperty("errors", out _) ?? false),
            cancellationToken);
        await _heimdall.OpenGateAsync("going", cancellationToken);
        var job = await _heimdall.WaitForEndAsync(reply.Id, cancellationToken);

        Assert.That(running["status"], Is.EqualTo("RUNNING"), running.Text);
        Assert.That((job["status"], job["sqlstate"], job["statements"], job["rows_affected"]), Is.EqualTo(("FAILED", "42601", "3", "1")), job.Text);
        Assert.That(job.Json.GetProperty("errors")[0].GetProperty("line").GetInt32(), Is.EqualTo(2));
    }

    /// <returns>The job, once its first statement is committed and it waits in its second.</returns>
    private async Task<Guid> StartAsync(string name, CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync(name, cancellationToken);
        var reply = await _heimdall.SubmitAsync(
            $"insert into effect values ('{name}', 1); {HeimdallInstance.WaitAt(name)}; insert into effect values ('{name}', 2)",
            returnResult: false, cancellationToken, more: new { transaction = "none" });
        await Eventually.Is(async () => (await _heimdall.JobAsync(reply.Id, cancellationToken))["statements"] == "1", cancellationToken);
        return reply.AssertStatus(202).Id;
    }

    private Task<List<int>> StepsAsync(string name, CancellationToken cancellationToken) =>
        _heimdall.Target.ColumnAsync<int>("select step from effect where name = $1 order by step", cancellationToken, name);
}
