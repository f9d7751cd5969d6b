using System.Net.Http.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

[CancelAfter(120_000)]
public sealed class TakeOverTests
{
    [Test]
    public async Task A_dead_workers_job_does_not_wait_for_all_that_came_later(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, concurrency: 1" }, worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        await using var first = heimdall.StartWorker();
        var id = await GatedBatch.StartAsync(heimdall, "first", cancellationToken);
        var later = Enumerable.Range(0, 300).Select(number => new
        {
            name = $"later-{number}",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = "select pg_sleep(0.2)" },
        });
        (await heimdall.SendAsync(HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(later))).AssertStatus(202);

        await first.KillAsync(cancellationToken);
        await using var second = heimdall.StartWorker();
        await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);

        Assert.That(await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where status = 'ACCEPTED'", cancellationToken), Is.Positive);
    }
}
