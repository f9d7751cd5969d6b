using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>
/// The oldest and the newest server that Heimdall works with, as store and as target: one job of each kind.
/// <c>./test.sh --servers</c> runs all tests on a server of any version.
/// </summary>
[CancelAfter(180_000)]
public sealed class OldestAndNewestServerTests() : RealProcessTests(processes: 1)
{
    [TestCase(ServerVersions.Oldest)]
    [TestCase(ServerVersions.Newest)]
    public async Task Jobs_of_each_kind_run(int version, CancellationToken cancellationToken)
    {
        await using var postgres = await RestartableServer.StartVersionAsync(version);
        await using var heimdall = await HeimdallInstance.CreateAsync(
            storeServer: postgres.ConnectionString, targetServer: postgres.ConnectionString);
        await heimdall.StartApiAsync();
        await heimdall.StartWorkerAsync();

        var inline = await heimdall.SubmitAsync(
            "select current_setting('server_version_num')::int / 10000 as version",
            returnResult: true,
            cancellationToken);
        var single = await heimdall.EnqueueAsync(
            "create table made (i int); insert into made values (1), (2);", cancellationToken);
        await heimdall.WaitForEndAsync(single, cancellationToken);
        var separate = (await heimdall.SubmitAsync(
            "vacuum made; select nonsense;",
            returnResult: false,
            cancellationToken,
            more: new { transaction = "none" })).Id;
        var queued = await heimdall.SubmitAsync(
            "insert into made values (3) returning i", returnResult: true, cancellationToken,
            prefer: "respond-async, wait=60");
        var endless = await heimdall.EnqueueAsync(
            "insert into made values (4); select pg_sleep(600)", cancellationToken);
        await Eventually.Is(() => heimdall.HasBackendAsync(endless, cancellationToken), cancellationToken);
        await heimdall.CancelAsync(endless, cancellationToken);
        var ends = new List<string?>();
        foreach (var id in new[] { single, separate, queued.Id, endless })
        {
            ends.Add((await heimdall.WaitForEndAsync(id, cancellationToken))["status"]);
        }

        Assert.That(inline.AssertStatus(200).Text, Does.Contain($"[[{version}]]"));
        Assert.That(ends, Is.EqualTo(new[] { "SUCCEEDED", "FAILED", "SUCCEEDED", "CANCELED" }));
        Assert.That(
            await heimdall.Target.ScalarAsync<long>("select sum(i) from made", cancellationToken), Is.EqualTo(6));
        await AssertOutcomesAreFoundAsync(postgres.ConnectionString, cancellationToken);
    }

    private static async Task AssertOutcomesAreFoundAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync(connectionString);
        var (committed, failed) = (server.Batch("create table committed (i int)"), server.Batch("select nonsense"));
        var (first, second) = (new FakeJobMonitor(), new FakeJobMonitor());

        await server.Plugin.RunAsync(committed, first, cancellationToken);
        await Assert.ThrowsAsync<JobFailedException>(() => server.Plugin.RunAsync(failed, second, cancellationToken));

        Assert.That(
            await server.Plugin.FindFateAsync(committed, first.Evidence, cancellationToken),
            Is.EqualTo(AttemptFate.Committed));
        Assert.That(
            await server.Plugin.FindFateAsync(failed, second.Evidence, cancellationToken),
            Is.EqualTo(AttemptFate.NothingHappened));
    }
}
