using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that take their workers down with them.</summary>
[CancelAfter(120_000)]
public sealed class DeadlyJobTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task A_job_whose_workers_die_ends(CancellationToken cancellationToken)
    {
        const int Most = 2;
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Worker = $"lease: 2s, concurrency: 1, max_lost_attempts: {Most}" }, worker: false);
        await heimdall.CloseGateAsync("never", cancellationToken);
        var id = await heimdall.EnqueueAsync(HeimdallInstance.WaitAt("never"), cancellationToken);

        for (var attempt = 1; attempt <= Most; attempt++)
        {
            await using var worker = heimdall.StartWorkerProcess();
            await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["attempt"] == $"{attempt}", cancellationToken);
            await Eventually.Is(() => heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
            await worker.KillAsync(cancellationToken);
        }
        await using var last = await heimdall.StartWorkerAsync();

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.Contain($"{Most} workers in a row").And.Contain("max_lost_attempts"));
        var attempts = (await heimdall.GetAsync($"/api/v1/job/{id}/attempts", cancellationToken)).AssertStatus(200).Json;
        Assert.That(
            attempts.EnumerateArray().Select(attempt => attempt.GetProperty("outcome").GetString()), Is.EqualTo(new[] { "LOST", "LOST", "FAILED" }));
        Assert.That(await heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }
}
