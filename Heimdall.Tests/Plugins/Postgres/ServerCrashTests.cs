using System.Diagnostics;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A target server that goes away in the middle of a batch and comes back.</summary>
[CancelAfter(120_000)]
public sealed class ServerCrashTests() : RealProcessTests(processes: 1)
{
    private RestartableServer _postgres = null!;
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _postgres = await RestartableServer.StartAsync();
        _server = await PluginTestServer.StartAsync(_postgres.ConnectionString);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        await _server.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    /// <summary>A server that crashed hands out the ids again that were not in its log; somebody else's commit must not be taken for the batch's.</summary>
    [Test]
    public async Task An_id_that_is_given_to_others_after_a_crash_is_not_taken_for_the_batchs(
        [Values("immediate", "kill of a backend")] string crash, [Values] bool hasReceipts, CancellationToken cancellationToken)
    {
        // Rows that are in no log yet: nothing of the transaction but its id is known to anybody.
        var job = Batch("select pg_sleep(600)", hasReceipts);
        var (run, monitor) = await StartAsync(job, cancellationToken);

        await CrashAsync(crash, cancellationToken);
        Assert.That((await FailureOfAsync(run)).Kind, Is.EqualTo(JobFailureKind.Unavailable));
        await UseUpIdsAsync(cancellationToken);

        Assert.That(await FateAsync(job, monitor, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
    }

    [Test]
    public async Task A_commit_is_known_after_a_crash([Values] bool hasReceipts, CancellationToken cancellationToken)
    {
        var job = Batch($"create table t{Guid.NewGuid():N} (i int)", hasReceipts);
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        await CrashAsync("immediate", cancellationToken);

        Assert.That(await FateAsync(job, monitor, cancellationToken), Is.EqualTo(AttemptFate.Committed));
    }

    [Test]
    public async Task A_server_that_stops_in_the_middle_fails_the_batch(
        [Values("fast", "immediate")] string mode, [Values("statement", "copy out", "copy in")] string what, CancellationToken cancellationToken)
    {
        var table = $"t{Guid.NewGuid():N}";
        var sql = what switch
        {
            "copy out" => $"create table {table} (i int); select 1; copy (select i, pg_sleep(0.001) from generate_series(1, 1000000) i) to stdout;",
            "copy in" => $"create table {table} (i int check (pg_sleep(600) is not null)); select 1; copy {table} from stdin;\n1\n2\n\\.\n",
            _ => $"create table {table} (i int); select 1; select pg_sleep(600);",
        };
        var job = _server.Batch(sql);
        var (run, monitor) = await StartAsync(job, cancellationToken);
        await Eventually.Is(() => Task.FromResult(monitor.Out.Count >= 2), cancellationToken);

        await _postgres.RestartAsync(mode, cancellationToken);

        var failure = await FailureOfAsync(run);
        Assert.That((failure.Kind, failure.Message.StartsWith("The session was lost", StringComparison.Ordinal)), Is.EqualTo((JobFailureKind.Unavailable, true)), failure.Message);
        Assert.That(await FateAsync(job, monitor, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
        await using var connection = await OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand($"select to_regclass('{table}') is null", connection);
        Assert.That(await command.ExecuteScalarAsync(cancellationToken), Is.True);
    }

    [Test]
    public async Task A_batch_without_a_transaction_says_what_was_done_before_the_server_stopped(
        [Values("fast", "immediate")] string mode, CancellationToken cancellationToken)
    {
        var table = $"t{Guid.NewGuid():N}";
        var job = _server.Job(new JsonObject
        {
            ["query"] = $"create table {table} (i int); insert into {table} values (1); select pg_sleep(600); select 1;",
            ["transaction"] = "none",
        }.ToJsonString());
        var (run, monitor) = await StartAsync(job, cancellationToken);
        await Eventually.Is(() => Task.FromResult(monitor.Out.Count >= 2), cancellationToken);

        await _postgres.RestartAsync(mode, cancellationToken);

        Assert.That(
            (await FailureOfAsync(run)).Message,
            Does.StartWith("The session was lost")
                .And.Contain("statements 1 to 2 are known to be done and stay done"));
        Assert.That(monitor.Progress.Last().ResumeFrom, Is.EqualTo(3));
    }

    [Test]
    public async Task Connections_that_a_restart_has_ended_do_not_keep_a_fate_from_being_found([Values("fast", "immediate")] string mode, CancellationToken cancellationToken)
    {
        var job = _server.Batch($"create table t{Guid.NewGuid():N} (i int)");
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken)));

        await _postgres.RestartAsync(mode, cancellationToken);

        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Committed));
    }

    /// <summary>The connection breaks while the server commits; the batch waits for it to come back and say which it was.</summary>
    [Test]
    public async Task A_server_that_crashes_in_a_commit_is_asked_when_it_is_back([Values] bool hasReceipts, CancellationToken cancellationToken)
    {
        var name = $"t{Guid.NewGuid():N}";
        var confirmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var monitor = new FakeJobMonitor { OnConfirm = _ => { confirmed.TrySetResult(); return Task.CompletedTask; } };
        var run = _server.Plugin.RunAsync(Batch(
            $"create table {name} (i int); create function {name}() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return null; end $$;"
            + $"create constraint trigger {name} after insert on {name} deferrable initially deferred for each row execute function {name}(); insert into {name} values (1)",
            hasReceipts), monitor, cancellationToken);
        Assert.That(await Task.WhenAny(run, confirmed.Task).WaitAsync(cancellationToken), Is.EqualTo(confirmed.Task), () => $"The batch ended before its commit: {run.Exception}");

        await CrashAsync("immediate", cancellationToken);

        Assert.That((await FailureOfAsync(run)).Kind, Is.EqualTo(JobFailureKind.Unavailable));
    }

    /// <summary>As the runner asks: again while the cluster cannot be asked.</summary>
    private async Task<AttemptFate> FateAsync(PluginJob job, FakeJobMonitor monitor, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);
            }
            catch (JobFailedException e) when (e.Failure.Kind == JobFailureKind.Unavailable)
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }

    private static async Task<JobFailure> FailureOfAsync(Task run) => (await Assert.ThrowsAsync<JobFailedException>(() => run))!.Failure;

    private PluginJob Batch(string sql, bool hasReceipts) => hasReceipts ? _server.BatchWithReceipt(sql) : _server.Batch(sql);

    private async Task<(Task Run, FakeJobMonitor Monitor)> StartAsync(PluginJob job, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        Assert.That(await Task.WhenAny(run, monitor.Started).WaitAsync(cancellationToken), Is.EqualTo(monitor.Started), () => $"The batch ended before it began: {run.Exception}");
        return (run, monitor);
    }

    private async Task CrashAsync(string how, CancellationToken cancellationToken)
    {
        if (how == "immediate")
        {
            await _postgres.RestartAsync(how, cancellationToken);
            return;
        }
        await using var connection = await OpenAsync(cancellationToken);
        using var backend = Process.GetProcessById(connection.ProcessID);
        backend.Kill();
    }

    /// <summary>Commits that take the ids which come next.</summary>
    private async Task UseUpIdsAsync(CancellationToken cancellationToken)
    {
        await using var connection = await Eventually.Becomes(() => TryOpenAsync(cancellationToken), () => Is.Not.Null, cancellationToken);
        for (var i = 0; i < 20; i++)
        {
            await using var command = new NpgsqlCommand("select pg_current_xact_id()", connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task<NpgsqlConnection?> TryOpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await OpenAsync(cancellationToken);
        }
        catch (NpgsqlException)
        {
            return null; // it recovers
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        return connection;
    }
}
