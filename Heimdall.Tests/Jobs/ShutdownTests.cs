using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Processes that are asked to stop, or start before the rest is there. Each test runs workers of its own.</summary>
[CancelAfter(60_000)]
public sealed class ShutdownTests() : RealProcessTests(processes: 2)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, drain_timeout: 3s" }, worker: false);
        await GatedBatch.PrepareAsync(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_worker_that_is_asked_to_stop_lets_its_jobs_end_and_takes_no_more(CancellationToken cancellationToken)
    {
        await using var worker = _heimdall.StartWorkerProcess();
        var running = await GatedBatch.StartAsync(_heimdall, "drained", cancellationToken);

        await worker.TerminateAsync(cancellationToken);
        await Eventually.Is(() => Task.FromResult(worker.ReadLog().Contains("shutting down", StringComparison.Ordinal)), cancellationToken);
        var late = Guid.Empty;
        for (var i = 0; i < 10; i++) // the first of them may still be taken: the signal is on its way through the process
        {
            late = await _heimdall.EnqueueAsync("select 1", cancellationToken, name: "late");
        }
        await _heimdall.OpenGateAsync("drained", cancellationToken);
        var exitCode = await worker.WaitForExitAsync(cancellationToken);

        Assert.That(exitCode, Is.Zero, worker.ReadLog());
        Assert.That((await _heimdall.JobAsync(running, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "drained", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        Assert.That((await _heimdall.JobAsync(late, cancellationToken))["status"], Is.EqualTo("ACCEPTED"));
        var begun = await _heimdall.GetAsync("/api/v1/jobs?name=late&status=RUNNING,FAILED,CANCELED", cancellationToken);
        Assert.That(begun.Json.GetProperty("data").GetArrayLength(), Is.Zero, begun.Text);
    }

    [Test]
    public async Task A_job_that_does_not_end_in_time_is_handed_back_and_takes_effect_once(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "handed", cancellationToken);

        await first.TerminateAsync(cancellationToken);
        await first.WaitForExitAsync(cancellationToken);
        var between = await _heimdall.JobAsync(id, cancellationToken);
        await _heimdall.OpenGateAsync("handed", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(between["status"], Is.EqualTo("ACCEPTED"), between.Text);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(job["attempt"], Is.EqualTo("2"));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "handed", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
    }

    [Test]
    public async Task A_worker_and_an_api_may_start_before_the_store(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await proxy.CutAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(config => config with { Store = proxy.Through(config.Store) });
        var worker = heimdall.StartWorkerProcess();
        var starting = heimdall.StartApiProcessAsync();
        await Eventually.Is(() => Task.FromResult(worker.ReadLog().Contains("store is not ready", StringComparison.Ordinal)), cancellationToken);

        proxy.Mend();
        await starting;

        var id = await Eventually.Becomes(
            () => heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(reply => (int?)reply?.Status == 202),
            cancellationToken);
        await heimdall.WaitForStatusAsync(id.Id, "SUCCEEDED", cancellationToken);
        Assert.That(worker.HasExited, Is.False);
    }
}
