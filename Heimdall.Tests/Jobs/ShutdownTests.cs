using System.Net;
using System.Net.Sockets;
using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Processes that are asked to stop, or start before the rest is there. Each test runs workers of its own.</summary>
[CancelAfter(60_000)]
public sealed class ShutdownTests() : RealProcessTests(processes: 2)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, drain_timeout: 3s" }, worker: false);
        await GatedBatch.PrepareAsync(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_worker_that_is_asked_to_stop_lets_its_jobs_end_and_takes_no_more(CancellationToken cancellationToken)
    {
        await using var worker = _heimdall.StartWorkerProcess();
        var running = await GatedBatch.StartAsync(_heimdall, "drained", cancellationToken);

        await worker.TerminateAsync(cancellationToken);
        await Eventually.Is(() => Task.FromResult(worker.ReadLog().Contains("shutting down", StringComparison.Ordinal)), cancellationToken);
        var late = Guid.Empty;
        for (var i = 0; i < 10; i++) // the first of them may still be taken: the signal is on its way through the process
        {
            late = await _heimdall.EnqueueAsync("select 1", cancellationToken, name: "late");
        }
        await _heimdall.OpenGateAsync("drained", cancellationToken);
        var exitCode = await worker.WaitForExitAsync(cancellationToken);

        Assert.That(exitCode, Is.Zero, worker.ReadLog());
        Assert.That((await _heimdall.JobAsync(running, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "drained", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        Assert.That((await _heimdall.JobAsync(late, cancellationToken))["status"], Is.EqualTo("ACCEPTED"));
        var begun = await _heimdall.GetAsync("/api/v1/jobs?name=late&status=RUNNING,FAILED,CANCELED", cancellationToken);
        Assert.That(begun.Json.GetProperty("data").GetArrayLength(), Is.Zero, begun.Text);
    }

    [Test]
    public async Task A_job_that_does_not_end_in_time_is_handed_back_and_takes_effect_once(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "handed", cancellationToken);

        await first.TerminateAsync(cancellationToken);
        await first.WaitForExitAsync(cancellationToken);
        var between = await _heimdall.JobAsync(id, cancellationToken);
        await _heimdall.OpenGateAsync("handed", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(between["status"], Is.EqualTo("ACCEPTED"), between.Text);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(job["attempt"], Is.EqualTo("2"));
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "handed", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
    }

    [Test]
    public async Task A_worker_and_an_api_may_start_before_the_store(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await proxy.CutAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(config => config with { Store = proxy.Through(config.Store) });
        var worker = heimdall.StartWorkerProcess();
        var starting = heimdall.StartApiProcessAsync();
        await Eventually.Is(() => Task.FromResult(worker.ReadLog().Contains("store is not ready", StringComparison.Ordinal)), cancellationToken);

        proxy.Mend();
        await starting;

        var id = await Eventually.Becomes(
            () => heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(reply => (int?)reply?.Status == 202),
            cancellationToken);
        await heimdall.WaitForStatusAsync(id.Id, "SUCCEEDED", cancellationToken);
        Assert.That(worker.HasExited, Is.False);
    }

    [Test]
    public async Task A_worker_that_loses_the_lock_of_the_migrations_tries_again(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        await using var holder = new NpgsqlConnection(heimdall.Store.ConnectionString);
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using (var hold = new NpgsqlCommand("lock table heimdall.command", holder, transaction))
        {
            await hold.ExecuteNonQueryAsync(cancellationToken);
        }
        // The keeper, which is the API, has a lock too.
        var migrates = $"""
            from pg_locks
            where locktype = 'advisory' and granted and (classid::bigint << 32 | objid::bigint) = {StoreMigrator.LockKey}
                and database = (select oid from pg_database where datname = current_database())
            """;
        var worker = heimdall.StartWorkerProcess();
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>($"select exists (select {migrates})", cancellationToken),
            cancellationToken);

        await heimdall.Store.ExecuteAsync($"select pg_terminate_backend(pid) {migrates}", cancellationToken);
        await transaction.CommitAsync(cancellationToken);

        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        Assert.That(worker.HasExited, Is.False, worker.ReadLog());
        Assert.That(worker.ReadLog(), Does.Contain("trying again"));
    }

    [Test]
    public async Task A_process_whose_service_has_failed_says_so_in_its_exit_code(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var worker = heimdall.StartWorkerProcess();
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);

        await heimdall.Store.ExecuteAsync(
            "alter table heimdall.command alter column description type bytea using 'no text'::bytea",
            cancellationToken);
        await heimdall.Store.ExecuteAsync("notify heimdall_catalog", cancellationToken);
        var exitCode = await worker.WaitForExitAsync(cancellationToken);

        Assert.That(exitCode, Is.EqualTo(1), worker.ReadLog());
    }

    [Test]
    public async Task A_process_that_is_asked_to_stop_while_it_starts_ends_in_order(
        [Values("Heimdall.Api", "Heimdall.Worker")] string program, CancellationToken cancellationToken)
    {
        using var store = new TcpListener(IPAddress.Loopback, 0);
        store.Start();
        var port = ((IPEndPoint)store.LocalEndpoint).Port;
        await using var heimdall = await HeimdallInstance.CreateAsync(
            config => config with
            {
                Store = new NpgsqlConnectionStringBuilder(config.Store) { Port = port }.ConnectionString,
            });
        var process = heimdall.StartProcess(program);
        using var first = await store.AcceptSocketAsync(cancellationToken); // its services have begun to start

        await process.TerminateAsync(cancellationToken);
        var exitCode = await process.WaitForExitAsync(cancellationToken);

        Assert.That(exitCode, Is.Zero, process.ReadLog());
        Assert.That(process.ReadLog(), Does.Not.Contain("Unhandled"));
    }
}
