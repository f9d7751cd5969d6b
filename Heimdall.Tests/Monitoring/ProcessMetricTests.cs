using System.Diagnostics.Metrics;
using System.Text;
using Heimdall.Core.Telemetry;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;
using NUnit.Framework.Constraints;

namespace Heimdall.Tests.Monitoring;

/// <summary>What an API and a worker measure of themselves, each by its own meter.</summary>
[CancelAfter(120_000)]
public sealed class ProcessMetricTests() : RealProcessTests(processes: 1)
{
    private const string Gate = "metrics";

    private static readonly (string, string) OfMain = ("heimdall.cluster", "postgres");

    private HeimdallInstance _heimdall = null!;
    private HeimdallHost _worker = null!;
    private MeterReading _ofApi = null!;
    private MeterReading _ofWorker = null!;

    [SetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => (config with { Results = "enabled: true, retention: 1s" })
                .WithCluster("away", "type:away", $"Host=127.0.0.1;Port={FreePort.Find()}")
                .WithCommand("twice", "type:twice", ", max_attempts: 2"),
            worker: false);
        _worker = await _heimdall.StartWorkerAsync();
        _ofApi = ReadingOf(_heimdall.ApiServices);
        _ofWorker = ReadingOf(_worker.Services);
        await _heimdall.Target.ExecuteAsync("create table if not exists gate (name text primary key)", default);
    }

    [TearDown]
    public async Task Stop()
    {
        _ofApi.Dispose();
        _ofWorker.Dispose();
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task A_worker_shows_its_claims_and_what_it_runs(CancellationToken cancellationToken)
    {
        Assert.That(_ofWorker.Look("heimdall.job.running"), Is.Zero);
        Assert.That(_ofWorker.Look("heimdall.lease.age"), Is.Zero);

        await _heimdall.CloseGateAsync(Gate, cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt(Gate), cancellationToken);
        await BecomesAsync(() => _ofWorker.Look("heimdall.job.running"), () => Is.EqualTo(1), cancellationToken);
        Assert.That(_ofWorker.Look("heimdall.lease.age"), Is.GreaterThan(0));
        await _heimdall.OpenGateAsync(Gate, cancellationToken);
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        await BecomesAsync(() => _ofWorker.Look("heimdall.job.running"), () => Is.Zero, cancellationToken);
    }

    [Test]
    public async Task A_worker_counts_what_it_claims(CancellationToken cancellationToken)
    {
        foreach (var number in Enumerable.Range(1, 3))
        {
            await _heimdall.WaitForEndAsync(
                await _heimdall.EnqueueAsync($"select {number}", cancellationToken), cancellationToken);
        }

        Assert.That(_ofWorker.Sum("heimdall.queue.claimed"), Is.EqualTo(3));
        Assert.That(
            _ofWorker.Count("heimdall.queue.claim.duration", ("heimdall.claim.result", "jobs")), Is.InRange(1, 3));
    }

    [Test]
    public async Task The_bytes_of_a_stored_result_are_counted_and_its_rows_when_they_go(
        CancellationToken cancellationToken)
    {
        var id = (await _heimdall.SubmitAsync(
            "select repeat('x', 1000) from generate_series(1, 50)", returnResult: true, cancellationToken,
            prefer: "respond-async")).AssertStatus(202).Id;
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(_ofWorker.Sum("heimdall.job.result.bytes", OfMain), Is.InRange(50_000, 51_000));
        await BecomesAsync(
            () => Both(one => one.Sum("heimdall.keeper.deleted", ("heimdall.table", "job_result"))),
            () => Is.EqualTo(1), cancellationToken);
    }

    [Test]
    public async Task One_process_is_the_keeper_and_times_its_sweeps(CancellationToken cancellationToken)
    {
        await BecomesAsync(
            () => Both(one => one.Look("heimdall.keeper.leader") ?? -9), () => Is.EqualTo(1), cancellationToken);
        await BecomesAsync(
            () => Both(one => one.Count("heimdall.keeper.sweep.duration", ("heimdall.sweep", "recurring jobs"))),
            () => Is.GreaterThan(0), cancellationToken);
        Assert.That(
            Both(one => one.Sum("heimdall.keeper.sweep.duration", ("heimdall.sweep", "recurring jobs"))),
            Is.GreaterThan(0));
    }

    [Test]
    public async Task An_API_shows_which_clusters_answer(CancellationToken cancellationToken)
    {
        await BecomesAsync(() => _ofApi.Look("heimdall.cluster.healthy", OfMain), () => Is.EqualTo(1), cancellationToken);
        await BecomesAsync(
            () => _ofApi.Look("heimdall.cluster.healthy", ("heimdall.cluster", "away")), () => Is.Zero, cancellationToken);

        Assert.That(_ofApi.Look("heimdall.cluster.probe.duration", OfMain), Is.GreaterThan(0));
    }

    [Test]
    public async Task A_process_shows_how_its_pools_are_used(CancellationToken cancellationToken)
    {
        (await _heimdall.GetAsync("/api/v1/jobs", cancellationToken)).AssertStatus(200);
        var limit = _ofApi.Look("heimdall.pool.limit", ("heimdall.pool", "heimdall store"));
        var idle = _ofApi.Look(
            "heimdall.pool.connections", ("heimdall.pool", "heimdall store"), ("heimdall.pool.state", "idle"));

        Assert.That(limit, Is.GreaterThan(0));
        Assert.That(idle, Is.InRange(1, limit!));
        Assert.That(_ofApi.Look("heimdall.pool.waiting", ("heimdall.pool", "heimdall store")), Is.Zero);
    }

    [Test]
    public async Task Runs_of_schedules_are_counted_by_outcome(CancellationToken cancellationToken)
    {
        const string Schedule = """
            {"cron": "* * * * * *", "command_criteria": ["type:postgres"], "cluster_criteria": ["type:postgres"],
             "context": {"query": "select 1"}}
            """;
        (await _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/schedule/secondly", cancellationToken,
            new StringContent(Schedule, Encoding.UTF8, "application/json"))).AssertStatus(201);

        (string, string) fired = ("heimdall.schedule.outcome", "fired");
        await BecomesAsync(
            () => Both(one => one.Sum("heimdall.schedule.runs", fired)),
            () => Is.GreaterThanOrEqualTo(2), cancellationToken);
        Assert.That(Both(one => one.Count("heimdall.schedule.lateness")), Is.GreaterThanOrEqualTo(2));
    }

    [Test]
    public async Task An_attempt_that_is_followed_by_another_is_counted(CancellationToken cancellationToken)
    {
        var id = (await _heimdall.SubmitAsync(
            "do $$ begin raise exception 'again' using errcode = '40001'; end $$", returnResult: false,
            cancellationToken, command: "type:twice")).AssertStatus(202).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(_ofWorker.Sum("heimdall.job.retries", OfMain), Is.EqualTo(1));
    }

    [Test]
    public async Task An_attempt_whose_worker_is_killed_is_counted_as_lost(CancellationToken cancellationToken)
    {
        await _worker.DisposeAsync();
        await _heimdall.CloseGateAsync(Gate, cancellationToken);
        var killed = _heimdall.StartWorkerProcess();
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt(Gate), cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);
        await killed.KillAsync(cancellationToken);
        await _heimdall.OpenGateAsync(Gate, cancellationToken);

        using var ofNext = ReadingOf((await _heimdall.StartWorkerAsync()).Services);
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(ofNext.Sum("heimdall.job.lost_attempts", OfMain), Is.EqualTo(1));
    }

    [Test]
    public async Task An_attempt_whose_worker_stops_is_counted_as_handed_back(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync(Gate, cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt(Gate), cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        await _worker.DisposeAsync();

        Assert.That(_ofWorker.Sum("heimdall.job.handed_back", OfMain), Is.EqualTo(1));
        await _heimdall.OpenGateAsync(Gate, cancellationToken);
    }

    private static MeterReading ReadingOf(IServiceProvider services)
    {
        var meter = services.GetRequiredService<IMeterFactory>().CreateHeimdallMeter();
        return new MeterReading(one => one == meter);
    }

    private double Both(Func<MeterReading, double> of) => of(_ofApi) + of(_ofWorker);

    private static Task<T> BecomesAsync<T>(
        Func<T> look, Func<IResolveConstraint> expected, CancellationToken cancellationToken) =>
        Eventually.Becomes(() => Task.FromResult(look()), expected, cancellationToken);
}
