using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A standby takes the place of the server that a batch ran on.</summary>
[CancelAfter(180_000)]
public sealed class PromotionTests() : RealProcessTests(processes: 1)
{
    // So that the checkpoint which follows a promotion, and tells the new timeline, takes its time, as it does on a busy server.
    private const string SlowCheckpoints = "checkpoint_timeout=1h";

    [Test]
    public async Task A_promoted_standby_does_not_speak_for_transactions_that_it_never_had(CancellationToken cancellationToken)
    {
        await using var primary = await RestartableServer.StartAsync(SlowCheckpoints);
        await using var server = await PluginTestServer.StartAsync(primary.ConnectionString);
        await using var standby = await primary.StartStandbyAsync(SlowCheckpoints);
        await using var copy = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(server.ConnectionString)
        {
            Port = new NpgsqlConnectionStringBuilder(standby.ConnectionString).Port,
        }.ConnectionString);
        await server.ExecuteAsync("create table much as select i, repeat('x', 500) as text from generate_series(1, 60000) i");
        await Eventually.Is(() => AskAsync<bool>(copy, "select to_regclass('much') is not null", cancellationToken), cancellationToken);
        await using (var stop = copy.CreateCommand("alter system set primary_conninfo = ''"))
        {
            await stop.ExecuteNonQueryAsync(cancellationToken);
        }
        await AskAsync<bool>(copy, "select pg_reload_conf()", cancellationToken);
        await Eventually.Is(() => AskAsync<bool>(copy, "select not exists (select from pg_stat_wal_receiver)", cancellationToken), cancellationToken);
        var job = server.Batch("create table unseen (i int)");
        var monitor = new FakeJobMonitor();
        await server.Plugin.RunAsync(job, monitor, cancellationToken);
        var onStandby = job with { TargetCluster = new PluginCluster("standby", new() { ["connection_string"] = copy.ConnectionString }) };

        Assert.That(
            async () => await server.Plugin.FindFateAsync(onStandby, monitor.Evidence, cancellationToken),
            Throws.InstanceOf<JobFailedException>().With.Message.Contains("standby"), "it may yet get the transaction");

        await standby.PromoteAsync(cancellationToken);
        var xid = (string)PluginTestServer.Json(monitor.Evidence!)["xid"]!;
        await Eventually.Is(() => AskAsync<bool>(copy, $"select pg_current_xact_id() > '{xid}'::xid8", cancellationToken), cancellationToken);

        Assert.That(await AskAsync<int>(copy, "select timeline_id from pg_control_checkpoint()", cancellationToken), Is.EqualTo(1), "the last checkpoint knows nothing of it");
        Assert.That(await AskAsync<string>(copy, $"select pg_xact_status('{xid}')", cancellationToken), Is.EqualTo("committed"), "somebody else's");
        Assert.That(await server.Plugin.FindFateAsync(onStandby, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Unknown));
    }

    [Test]
    public async Task A_query_leaves_its_receipt_where_its_session_began_on_a_standby_that_was_promoted(
        CancellationToken cancellationToken)
    {
        await using var primary = await RestartableServer.StartAsync();
        await using var server = await PluginTestServer.StartAsync(primary.ConnectionString);
        await server.ExecuteAsync("create table kept (i int)");
        await using var standby = await primary.StartStandbyAsync();
        await using var copy = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(server.ConnectionString)
        {
            Port = new NpgsqlConnectionStringBuilder(standby.ConnectionString).Port,
        }.ConnectionString);
        var cluster = new PluginCluster(
            "promoted", new() { ["connection_string"] = copy.ConnectionString, ["receipts"] = true });
        await Eventually.Is(
            () => AskAsync<bool>(copy, "select to_regclass('kept') is not null", cancellationToken), cancellationToken);
        await server.Plugin.RunAsync(
            server.Query("select 1", new FakeResultWriter()) with { TargetCluster = cluster },
            new FakeJobMonitor(),
            cancellationToken);
        await standby.PromoteAsync(cancellationToken);
        await Eventually.Is(
            () => AskAsync<bool>(copy, "select not pg_is_in_recovery()", cancellationToken), cancellationToken);
        var monitor = new FakeJobMonitor();

        await server.Plugin.RunAsync(
            server.Query("insert into kept values (1) returning i", new FakeResultWriter()) with
            {
                TargetCluster = cluster,
            },
            monitor,
            cancellationToken);

        Assert.That(PluginTestServer.Json(monitor.Evidence!)["receipt"], Is.Not.Null, monitor.Evidence);
    }

    private static async Task<T> AskAsync<T>(NpgsqlDataSource database, string sql, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
