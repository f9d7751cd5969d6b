using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What becomes of the sessions that queries share.</summary>
[CancelAfter(60_000)]
public sealed class PooledSessionTests
{
    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_session_that_is_lost_does_not_take_the_idle_ones_with_it(CancellationToken cancellationToken)
    {
        var pids = await OpenThreeSessionsAsync(cancellationToken);

        Assert.That(
            async () => await _server.Plugin.RunAsync(
                _server.Query("select pg_terminate_backend(pg_backend_pid())", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken),
            Throws.InstanceOf<JobFailedException>());

        await Eventually.Becomes(() => LivingAsync(pids, cancellationToken), () => Is.EqualTo(2), cancellationToken);
        for (var query = 0; query < 3; query++)
        {
            await _server.Plugin.RunAsync(_server.Query("select 1", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken);
        }
        Assert.That(await LivingAsync(pids, cancellationToken), Is.EqualTo(2));
    }

    private Task<long> LivingAsync(string pids, CancellationToken cancellationToken) =>
        _server.ScalarAsync<long>($"select count(*) from pg_stat_activity where pid = any('{pids}')", cancellationToken);

    private async Task<string> OpenThreeSessionsAsync(CancellationToken cancellationToken)
    {
        await using var holder = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await using var hold = holder.CreateCommand();
        hold.CommandText = "select pg_advisory_lock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        var runs = Enumerable.Range(0, 3)
            .Select(_ => _server.Plugin.RunAsync(_server.Query("select pg_advisory_xact_lock_shared(1)", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken)).ToArray();
        const string Waiting = "from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
        await Eventually.Is(async () => await _server.ScalarAsync<long>($"select count(*) {Waiting}", cancellationToken) == 3, cancellationToken);
        var pids = await _server.ScalarAsync<string>($"select array_agg(pid)::text {Waiting}", cancellationToken);
        hold.CommandText = "select pg_advisory_unlock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        await Task.WhenAll(runs);
        return pids!;
    }
}
