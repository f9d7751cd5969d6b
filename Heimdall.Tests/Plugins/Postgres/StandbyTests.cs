using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A standby that is a cluster, or stands beside one at the same address.</summary>
[CancelAfter(180_000)]
public sealed class StandbyTests() : RealProcessTests(processes: 1)
{
    private RestartableServer _primary = null!;
    private RestartableServer _standby = null!;
    private PluginTestServer _server = null!;
    private NpgsqlDataSource _copy = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _primary = await RestartableServer.StartAsync();
        _server = await PluginTestServer.StartAsync(_primary.ConnectionString);
        _standby = await _primary.StartStandbyAsync();
        _copy = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_server.ConnectionString)
        {
            Port = new NpgsqlConnectionStringBuilder(_standby.ConnectionString).Port,
        }.ConnectionString);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _copy.DisposeAsync();
        await _standby.DisposeAsync();
        await _server.DisposeAsync();
        await _primary.DisposeAsync();
    }

    [Test]
    public async Task A_standby_runs_what_only_reads(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table kept as select generate_series(1, 3) as i");
        await Eventually.Is(
            () => AskAsync<bool>(_copy, "select to_regclass('kept') is not null", cancellationToken), cancellationToken);
        var cluster = new PluginCluster(
            "standby", new() { ["connection_string"] = _copy.ConnectionString, ["receipts"] = true });
        var (monitor, results) = (new FakeJobMonitor(), new FakeResultWriter());
        var batch = _server.Batch("select count(*) from kept; copy kept to stdout;") with { TargetCluster = cluster };

        var progress = await _server.Plugin.RunAsync(batch, monitor, cancellationToken);
        await _server.Plugin.RunAsync(
            _server.Query("select sum(i) from kept", results) with { TargetCluster = cluster },
            new FakeJobMonitor(),
            cancellationToken);

        var explained = new FakeResultWriter();
        await _server.Plugin.RunAsync(
            _server.Query("explain analyze select sum(i) from kept", explained) with { TargetCluster = cluster },
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That((progress.Statements, results.Rows.Single()[0]), Is.EqualTo((2L, "6")));
        Assert.That(explained.Rows, Is.Not.Empty, "what does not look read-only leaves no receipt either");
        Assert.That(
            await _server.Plugin.FindFateAsync(batch, monitor.Evidence, cancellationToken),
            Is.EqualTo(AttemptFate.NothingHappened));
        foreach (var mode in new[] { "single", "none" })
        {
            var writes = _server.Job($$"""{"query": "select 1; insert into kept values (4);", "transaction": "{{mode}}"}""");
            var failure = await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(
                writes with { TargetCluster = cluster }, new FakeJobMonitor(), cancellationToken));
            Assert.That(failure!.Failure.SqlState, Is.EqualTo("25006"), failure.Message);
        }
    }

    [Test]
    public async Task A_standby_at_the_same_address_does_not_show_that_a_session_has_ended(
        [Values] bool isRestarted, CancellationToken cancellationToken)
    {
        await using var balancer = new TcpProxy(_primary.ConnectionString);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var monitor = new FakeJobMonitor();
        var job = _server.Job("""{"query": "select 1; select pg_sleep(600);", "transaction": "none"}""");
        var run = _server.Plugin.RunAsync(job with { TargetCluster = Balanced() }, monitor, stop.Token);
        await Eventually.Is(() => Task.FromResult(!monitor.Out.IsEmpty), cancellationToken);

        if (isRestarted)
        {
            await _standby.RestartAsync("fast", cancellationToken); // then it is younger than the session
            _copy.Clear();
        }

        balancer.Turn(_standby.ConnectionString);
        Assert.That(
            async () => await FindFateAsync(),
            Throws.InstanceOf<JobFailedException>().With.Message.Contains("standby"));
        await stop.CancelAsync();
        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => run)).Failure;

        Assert.That(failure.Message, Does.Contain("another server"));
        await Eventually.Is(async () => await _server.BackendsAsync(job.Id) == 0, cancellationToken);
        balancer.Turn(_primary.ConnectionString);
        Assert.That(await FindFateAsync(), Is.EqualTo(AttemptFate.Interrupted));

        Task<AttemptFate> FindFateAsync() => _server.Plugin.FindFateAsync(
            job with { TargetCluster = Balanced() }, monitor.Evidence, cancellationToken);

        // Each with connections of its own.
        PluginCluster Balanced() => new(
            $"cluster_{Guid.NewGuid():N}",
            new() { ["connection_string"] = balancer.Through(_server.ConnectionString) });
    }

    private static async Task<T> AskAsync<T>(NpgsqlDataSource database, string sql, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
