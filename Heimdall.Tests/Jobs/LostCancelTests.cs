using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Cancels whose announcement is never heard, on jobs whose leases are renewed seldom.</summary>
[CancelAfter(120_000)]
public sealed class LostCancelTests
{
    [Test]
    public async Task A_batch_asks_before_it_commits(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 5m, concurrency: 4" });
        await GatedBatch.PrepareAsync(heimdall);
        var id = await GatedBatch.StartAsync(heimdall, "unheard", cancellationToken);

        await heimdall.Store.ExecuteAsync("update heimdall.job set status = 'CANCELING', canceled_by = 'somebody' where id = $1", cancellationToken, id);
        await heimdall.OpenGateAsync("unheard", cancellationToken);
        var job = await heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("CANCELED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(heimdall, "unheard", cancellationToken), Is.Empty);
    }
}
