using System.Diagnostics;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that run while the store is away for longer than a lease, or while Hangfire takes their worker for dead: nothing about them has changed.</summary>
[CancelAfter(240_000)]
public sealed class LongOutageTests() : RealProcessTests(processes: 1)
{
    private const int Away = 6;

    /// <summary>Longer than Hangfire takes to notice that another worker has a job.</summary>
    private static readonly TimeSpan Watch = TimeSpan.FromSeconds(8);

    [Test]
    public async Task Jobs_go_on_when_the_stores_server_is_back(CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(storeServer: server.ConnectionString);

        await AssertGoOnAsync(
            heimdall,
            () => server.RestartAsync("immediate", cancellationToken, Away),
            cancellationToken);
    }

    [Test]
    public async Task Jobs_go_on_when_the_way_to_the_store_is_mended(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await using var heimdall = await HeimdallInstance.CreateAsync(config => config with { Store = proxy.Through(config.Store) });

        await AssertGoOnAsync(
            heimdall,
            async () =>
            {
                await proxy.CutAsync();
                await Task.Delay(TimeSpan.FromSeconds(Away), cancellationToken);
                proxy.Mend();
            },
            cancellationToken);
    }

    private static async Task AssertGoOnAsync(HeimdallInstance heimdall, Func<Task> disturbAsync, CancellationToken cancellationToken)
    {
        await using var first = await heimdall.StartWorkerAsync();
        await heimdall.StartApiAsync();
        await GatedBatch.PrepareAsync(heimdall);
        var whole = await GatedBatch.StartAsync(heimdall, "whole", cancellationToken);
        var parts = await GatedBatch.StartAsync(heimdall, "parts", cancellationToken, transaction: "none");
        await using var second = await heimdall.StartWorkerAsync();
        await Eventually.Is(() => heimdall.Store.ScalarAsync<bool>("select count(*) = 2 from hangfire.server", cancellationToken), cancellationToken);

        await disturbAsync();
        await Eventually.Is(async () => (int)(await heimdall.GetAsync("/readyz", cancellationToken)).Status == 200, cancellationToken);
        for (var started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < Watch;)
        {
            foreach (var id in new[] { whole, parts })
            {
                var job = await heimdall.JobAsync(id, cancellationToken);
                Assert.That((job["status"], job["attempt"]), Is.EqualTo(("RUNNING", "1")), job.Text);
            }
            await Task.Delay(100, cancellationToken);
        }
        await heimdall.OpenGateAsync("whole", cancellationToken);
        await heimdall.OpenGateAsync("parts", cancellationToken);

        foreach (var (id, name) in new[] { (whole, "whole"), (parts, "parts") })
        {
            var job = await heimdall.WaitForEndAsync(id, cancellationToken);
            Assert.That((job["status"], job["attempt"]), Is.EqualTo(("SUCCEEDED", "1")), job.Text);
            Assert.That(await GatedBatch.StepsAsync(heimdall, name, cancellationToken), Is.EqualTo(new[] { 1, 2 }));
            await Eventually.Becomes(() => TryReadQueueStateAsync(heimdall, id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
        }
    }

    /// <summary>The test's own connections may not have outlived the outage.</summary>
    private static async Task<string> TryReadQueueStateAsync(HeimdallInstance heimdall, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            return await heimdall.QueueStateAsync(id, cancellationToken);
        }
        catch (NpgsqlException)
        {
            return "";
        }
    }
}
