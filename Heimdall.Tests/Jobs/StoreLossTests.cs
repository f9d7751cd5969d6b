using System.Net;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Heimdall's own database restarts or drops its connections while jobs are submitted and run.</summary>
[CancelAfter(240_000)]
public sealed class StoreLossTests() : RealProcessTests(processes: 2)
{
    private const string Terminate = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

    [TestCase("fast")]
    [TestCase("immediate")]
    public async Task No_job_is_lost_or_run_twice_when_the_server_restarts(string mode, CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(storeServer: server.ConnectionString);
        var worker = heimdall.StartWorkerProcess();
        await heimdall.StartApiProcessAsync();
        await using var load = await SteadyLoad.StartAsync(heimdall, cancellationToken);

        for (var i = 0; i < 3; i++)
        {
            await load.WaitForMoreAsync(10, cancellationToken);
            await server.RestartAsync(mode, cancellationToken);
        }
        await load.WaitForMoreAsync(10, cancellationToken);

        await load.AssertNoneLostAsync(cancellationToken);
        await AssertWellAsync(heimdall, worker, cancellationToken);
    }

    [Test]
    public async Task No_job_is_lost_or_run_twice_when_all_connections_end(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        var worker = heimdall.StartWorkerProcess();
        await heimdall.StartApiProcessAsync();
        await using var load = await SteadyLoad.StartAsync(heimdall, cancellationToken);

        for (var i = 0; i < 8; i++)
        {
            await load.WaitForMoreAsync(5, cancellationToken);
            Assert.That(await heimdall.Store.ScalarAsync<long>(Terminate, cancellationToken), Is.Positive);
        }
        await load.WaitForMoreAsync(5, cancellationToken);

        await load.AssertNoneLostAsync(cancellationToken);
        await AssertWellAsync(heimdall, worker, cancellationToken);
    }

    [Test]
    public async Task A_cancel_is_heard_when_the_listening_connection_has_just_ended(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync();
        var id = await heimdall.EnqueueAsync("select pg_sleep(600)", cancellationToken);
        await Eventually.Is(() => heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        Assert.That(
            await heimdall.Store.ScalarAsync<long>($"{Terminate} and query like 'listen \"heimdall%'", cancellationToken),
            Is.EqualTo(2), "that of the API and that of the worker");
        await heimdall.CancelAsync(id, cancellationToken);

        await heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
        Assert.That(await heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }

    [TestCase("heimdall", 1, Description = "it does not look at the lock")]
    [TestCase("stock", 0, Description = "it removes the lock")]
    public async Task A_job_does_not_wait_for_the_lock_of_a_dead_process(
        string storage, int left, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Queue = $"storage: {storage}" }, worker: false);
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await heimdall.Store.ExecuteAsync(
            """
            insert into hangfire.lock (resource, acquired)
            select 'hangfire:job:' || queue_id || ':state-lock', now() at time zone 'utc' from heimdall.job where id = $1
            """,
            cancellationToken,
            id);

        await using var worker = await heimdall.StartWorkerAsync();

        await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        await Eventually.Becomes(() => heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
        await Eventually.Becomes( // Hangfire lets go of the lock after the change of the state
            () => heimdall.Store.ScalarAsync<long>(
                "select count(*) from hangfire.lock where resource like '%state-lock'", cancellationToken),
            () => Is.EqualTo(left),
            cancellationToken);
    }

    [TestCase("heimdall", "Enqueued")]
    [TestCase("heimdall", "Deleted")]
    [TestCase("stock", "Enqueued")]
    [TestCase("stock", "Deleted")]
    public async Task The_end_of_a_job_is_shown_whose_entry_has_got_another_state(
        string storage, string state, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Queue = $"storage: {storage}" });
        await heimdall.CloseGateAsync("gate", cancellationToken);
        var id = await heimdall.EnqueueAsync(HeimdallInstance.WaitAt("gate"), cancellationToken);
        await Eventually.Becomes(
            () => heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Processing"), cancellationToken);

        await heimdall.Store.ExecuteAsync(
            """
            update hangfire.job set statename = $2,
                stateid = (select min(id) from hangfire.state where jobid = job.id)
            where id = (select queue_id::bigint from heimdall.job where id = $1)
            """,
            cancellationToken, id, state);
        await heimdall.OpenGateAsync("gate", cancellationToken);

        await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        await Eventually.Becomes(
            () => heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task Many_cancels_at_one_time_are_all_shown_without_a_worker(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var ids = await Task.WhenAll(
            Enumerable.Range(0, 32).Select(_ => heimdall.EnqueueAsync("select 1", cancellationToken)));

        await Task.WhenAll(ids.Select(id => heimdall.CancelAsync(id, cancellationToken)));

        Assert.That(
            await heimdall.Store.ColumnAsync<string>("select distinct statename from hangfire.job", cancellationToken),
            Is.EqualTo(new[] { "Deleted" }));
    }

    private static async Task AssertWellAsync(HeimdallInstance heimdall, HeimdallProcess worker, CancellationToken cancellationToken)
    {
        await Eventually.Is(async () => (await heimdall.GetAsync("/readyz", cancellationToken)).Status == HttpStatusCode.OK, cancellationToken);
        Assert.That((heimdall.Api!.HasExited, worker.HasExited), Is.EqualTo((false, false)));
        Assert.That(
            await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where status in ('NEW', 'ACCEPTED', 'RUNNING', 'CANCELING')", cancellationToken),
            Is.Zero, "none is stuck");
    }
}
