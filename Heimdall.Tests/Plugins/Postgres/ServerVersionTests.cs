using System.Text.Json.Nodes;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Servers that are older or newer than those that Heimdall is tested with.</summary>
[CancelAfter(60_000)]
public sealed class ServerVersionTests
{
    private const string Untested = "is tested with PostgreSQL 14 to 18.";

    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("""{"query": "select 1", "return_result": true}""")]
    [TestCase("""{"query": "create table made (i int)"}""")]
    public async Task A_cluster_that_is_older_is_refused(string context, CancellationToken cancellationToken)
    {
        await using var old = new VersionProxy(_server.ConnectionString, "13.22");
        var job = _server.Job(context, new FakeResultWriter()) with { TargetCluster = Cluster(old) };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken)))!.Failure;
        var probe = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.ProbeAsync(job.TargetCluster, cancellationToken));

        Assert.That(
            (failure.Kind, failure.IsTransient, failure.IsUndone),
            Is.EqualTo((JobFailureKind.Unavailable, false, true)));
        Assert.That(
            failure.Message,
            Is.EqualTo(
                "The cluster's server cannot be used. "
                + "It runs PostgreSQL 13.22, and Heimdall needs PostgreSQL 14 or newer."));
        Assert.That(probe!.Message, Is.EqualTo(failure.Message));
    }

    [Test]
    public async Task A_store_that_is_older_is_refused(CancellationToken cancellationToken)
    {
        await using var old = new VersionProxy(_server.ConnectionString, "13.22");
        await using var store = Open(old);

        Assert.That(
            async () => await StoreServer.RequireSupportedAsync(store.Migrations, cancellationToken),
            Throws.InstanceOf<StoreServerException>().With.Message.EqualTo(
                "The store's server cannot be used. "
                + "It runs PostgreSQL 13.22, and Heimdall needs PostgreSQL 14 or newer."));
    }

    [Test]
    public async Task What_is_newer_is_used_with_a_warning(CancellationToken cancellationToken)
    {
        VersionProxy? store = null, target = null;
        await using var heimdall = await HeimdallInstance.StartAsync(
            config =>
            {
                store = new VersionProxy(config.Store, "19beta1");
                target = new VersionProxy(config.Target, "20.0");
                return (config with { Store = store.ConnectionString, Clusters = "" })
                    .WithCluster("postgres", "type:postgres, data:local", target.ConnectionString);
            },
            worker: false);

        for (var query = 0; query < 2; query++)
        {
            (await heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken)).AssertStatus(200);
        }

        var log = string.Concat(heimdall.Logs);
        Assert.That(
            log, Does.Contain("The store's server is newer").And.Contain("PostgreSQL 19").And.Contain(Untested));
        Assert.That(log.Split("The server of cluster postgres is newer"), Has.Length.EqualTo(2), log);
        await target!.DisposeAsync();
        await store!.DisposeAsync();
    }

    [TestCase("14.0")]
    [TestCase("18.4 (Debian 18.4-1.pgdg13+1)")]
    public async Task What_is_tested_is_used_without_one(string version, CancellationToken cancellationToken)
    {
        await using var proxy = new VersionProxy(_server.ConnectionString, version);
        await using var store = Open(proxy);

        Assert.That(await StoreServer.RequireSupportedAsync(store.Migrations, cancellationToken), Is.Null);
        await _server.Plugin.ProbeAsync(Cluster(proxy), cancellationToken);
    }

    [Test]
    public void README_says_which_servers_are_tested() =>
        Assert.That(
            Repository.Read("README.md"),
            Does.Contain($"| PostgreSQL | {ServerVersions.Oldest} to {ServerVersions.Newest}, "));

    private static StoreDatabase Open(VersionProxy server) =>
        new(server.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);

    private static PluginCluster Cluster(VersionProxy server) => new(
        $"cluster_{Guid.NewGuid():N}", new JsonObject { ["connection_string"] = server.ConnectionString });
}
