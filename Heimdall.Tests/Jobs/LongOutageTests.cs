using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>
/// Jobs that run while the store cannot be reached for longer than a lease. They still belong to their worker then, and
/// no other one takes them.
/// </summary>
[CancelAfter(240_000)]
public sealed class LongOutageTests() : RealProcessTests(processes: 1)
{
    private const int Lease = 5; // seconds, as all that follows; a loaded machine is late by some of them
    private const int Away = 3 * Lease;

    /// <summary>How long the other worker may try to take the jobs when the store is back.</summary>
    private const int Watched = 4 * Lease;

    [Test]
    public async Task Jobs_keep_running_when_the_stores_server_is_back(CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(Configure, storeServer: server.ConnectionString);

        await AssertKeepRunningAsync(
            heimdall,
            () => server.RestartAsync("immediate", cancellationToken, Away),
            cancellationToken);
    }

    [Test]
    public async Task Jobs_keep_running_when_the_way_to_the_store_is_mended(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await using var heimdall = await HeimdallInstance.CreateAsync(
            config => Configure(config) with { Store = proxy.Through(config.Store) });

        await AssertKeepRunningAsync(
            heimdall,
            async () =>
            {
                await proxy.CutAsync();
                var away = DateTime.UtcNow.AddSeconds(Away);
                await Eventually.Is(
                    () => AskOfLeasesAsync(heimdall, "lease_until < now() and now() > $1", away, cancellationToken),
                    cancellationToken);
                proxy.Mend();
            },
            cancellationToken);
    }

    private static InstanceConfig Configure(InstanceConfig config) => config with { Worker = $"lease: {Lease}s" };

    private static async Task AssertKeepRunningAsync(
        HeimdallInstance heimdall, Func<Task> disturbAsync, CancellationToken cancellationToken)
    {
        await using var first = await heimdall.StartWorkerAsync();
        await heimdall.StartApiAsync();
        await GatedBatch.PrepareAsync(heimdall);
        var whole = await GatedBatch.StartAsync(heimdall, "whole", cancellationToken);
        var parts = await GatedBatch.StartAsync(heimdall, "parts", cancellationToken, transaction: "none");
        // A process, because a worker's name is that of its process: the first one must be another.
        await using var second = heimdall.StartWorkerProcess();
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>("select count(*) = 2 from hangfire.server", cancellationToken),
            cancellationToken);

        await disturbAsync();
        await Eventually.Is(
            async () => (int)(await heimdall.GetAsync("/readyz", cancellationToken)).Status == 200, cancellationToken);
        var watched = DateTime.UtcNow.AddSeconds(Watched);
        await Eventually.Is(
            async () =>
            {
                foreach (var id in new[] { whole, parts })
                {
                    var job = await heimdall.JobAsync(id, cancellationToken);
                    Assert.That((job["status"], job["attempt"]), Is.EqualTo(("RUNNING", "1")), job.Text);
                }
                return await AskOfLeasesAsync(heimdall, "lease_until > $1", watched, cancellationToken);
            },
            cancellationToken);
        await heimdall.OpenGateAsync("whole", cancellationToken);
        await heimdall.OpenGateAsync("parts", cancellationToken);

        foreach (var (id, name) in new[] { (whole, "whole"), (parts, "parts") })
        {
            var job = await heimdall.WaitForEndAsync(id, cancellationToken);
            Assert.That((job["status"], job["attempt"]), Is.EqualTo(("SUCCEEDED", "1")), job.Text);
            Assert.That(await GatedBatch.StepsAsync(heimdall, name, cancellationToken), Is.EqualTo(new[] { 1, 2 }));
            await Eventually.Becomes(
                () => TryAsync(() => heimdall.QueueStateAsync(id, cancellationToken), ""),
                () => Does.StartWith("Succeeded"),
                cancellationToken);
        }
    }

    /// <summary>Whether the leases of both jobs are so.</summary>
    private static Task<bool> AskOfLeasesAsync(
        HeimdallInstance heimdall, string condition, DateTime time, CancellationToken cancellationToken) => TryAsync(
        () => heimdall.Store.ScalarAsync<bool>(
            $"select count(*) = 2 from heimdall.job where status = 'RUNNING' and {condition}", cancellationToken, time),
        otherwise: false);

    /// <summary>The test's own connections may not have outlived the outage.</summary>
    private static async Task<T> TryAsync<T>(Func<Task<T>> askAsync, T otherwise)
    {
        try
        {
            return await askAsync();
        }
        catch (NpgsqlException)
        {
            return otherwise;
        }
    }
}
