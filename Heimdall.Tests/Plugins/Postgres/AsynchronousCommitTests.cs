using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Targets with synchronous_commit = off, that answer a commit before it is on disk, and crash.</summary>
[CancelAfter(120_000)]
public sealed class AsynchronousCommitTests() : RealProcessTests(processes: 1)
{
    private CrashingPostgres _postgres = null!;
    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start()
    {
        _postgres = await CrashingPostgres.StartAsync(CancellationToken.None);
        _server = await PluginTestServer.StartAsync(_postgres.ConnectionString);
    }

    [TearDown]
    public async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        await _server.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    [Test]
    public async Task The_id_of_a_batch_is_on_disk_before_its_first_statement(CancellationToken cancellationToken)
    {
        var writer = await _postgres.HoldAsync(cancellationToken);
        var job = _server.Batch("select pg_sleep(600)");
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        Assert.That(await Task.WhenAny(run, monitor.Started).WaitAsync(cancellationToken), Is.EqualTo(monitor.Started), () => $"The batch ended before it began: {run.Exception}");

        await CrashingPostgres.CrashAsync(writer);
        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
        for (var i = 0; i < 20; i++) // they take the ids which come next
        {
            await AskAsync<string>("select pg_current_xact_id()::text", cancellationToken);
        }

        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
    }

    [Test]
    public async Task What_was_said_to_be_done_outlives_a_crash([Values] bool isQuery, CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table kept (i int)");
        var writer = await _postgres.HoldAsync(cancellationToken);
        var job = isQuery ? _server.Query("insert into kept values (1) returning i", new FakeResultWriter()) : _server.Batch("insert into kept values (1)");

        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);
        await CrashingPostgres.CrashAsync(writer);

        Assert.That(await AskAsync<long>("select count(*) from kept", cancellationToken), Is.EqualTo(1));
    }

    /// <summary>On a connection of its own, when the server is back.</summary>
    private async Task<T> AskAsync<T>(string sql, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Pooling = false }.ConnectionString);
                await connection.OpenAsync(cancellationToken);
                await using var command = new NpgsqlCommand(sql, connection);
                return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
            }
            catch (NpgsqlException)
            {
                await Task.Delay(50, cancellationToken); // it recovers
            }
        }
    }
}
