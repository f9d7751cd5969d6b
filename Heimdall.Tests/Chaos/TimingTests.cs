using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>How long recovery and cancel take, with the default lease: printed, and never asserted.</summary>
[CancelAfter(540_000)]
public sealed class TimingTests() : RealProcessTests(processes: 2)
{
    private const string Spin = "do $$ declare i bigint := 0; begin loop i := i + 1; end loop; end $$";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 5s, concurrency: 4" }, worker: false);
        await _heimdall.Target.ExecuteAsync("create table effect (i int)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    /// <summary>From the end of the worker's process to the first statement of the next attempt, which a worker runs that was there before.</summary>
    [Test]
    public async Task Recovery(CancellationToken cancellationToken)
    {
        var times = new List<double>();
        var worker = _heimdall.StartWorkerProcess();
        for (var kill = 1; kill <= (TestSetting.IsLong ? 30 : 1); kill++)
        {
            var id = await _heimdall.EnqueueAsync("select pg_sleep(600)", cancellationToken);
            await FirstStatementAsync(id, DateTime.MinValue, cancellationToken);
            var next = _heimdall.StartWorkerProcess();
            await WaitForServersAsync(cancellationToken, worker, next);

            var killed = DateTime.UtcNow;
            await worker.KillAsync(cancellationToken);
            var began = await FirstStatementAsync(id, killed, cancellationToken);
            times.Add((began - killed).TotalSeconds);

            await _heimdall.CancelAsync(id, cancellationToken);
            await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
            await worker.DisposeAsync();
            worker = next;
        }
        await worker.KillAsync(cancellationToken);
        Print("recovery: kill -9 to the next attempt's first statement, lease 5 s", times, "s");
    }

    /// <summary>From the call to the end of the backend's work, and to CANCELED in the store.</summary>
    [Test]
    public async Task Cancel(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();
        var all = (Backend: new List<double>(), Store: new List<double>());
        foreach (var (name, sql) in new[]
        {
            ("pg_sleep", "insert into effect values (1); select pg_sleep(600)"),
            ("CPU-bound", $"insert into effect values (1); {Spin}"),
            ("COPY", "insert into effect values (1); copy (select i, repeat('x', 100) from generate_series(1, 100000000000) i) to stdout"),
            ("pipelined", "insert into effect values (1);" + string.Concat(Enumerable.Repeat("select pg_sleep(0.01);", 20_000))),
        })
        {
            var one = (Backend: new List<double>(), Store: new List<double>());
            for (var round = 0; round < (TestSetting.IsLong ? 25 : 1); round++)
            {
                var id = await _heimdall.EnqueueAsync(sql, cancellationToken);
                await Eventually.Is(async () => await _heimdall.JobAsync(id, cancellationToken) is { } job && job["statements"] is not (null or "0"), cancellationToken);

                await TimeCancelAsync(id, one, cancellationToken);
            }
            Print($"cancel of {name}: call to backend idle or gone", one.Backend, "ms");
            Print($"cancel of {name}: call to CANCELED in the store", one.Store, "ms");
            all.Backend.AddRange(one.Backend);
            all.Store.AddRange(one.Store);
        }
        Print("cancel of all: call to backend idle or gone", all.Backend, "ms");
        Print("cancel of all: call to CANCELED in the store", all.Store, "ms");
        Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from effect", cancellationToken), Is.Zero);
    }

    /// <summary>The same for queries: within their request, and queued with Prefer: respond-async.</summary>
    [Test]
    public async Task Cancel_of_queries(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();
        foreach (var (name, sql) in new[] { ("pg_sleep", "select pg_sleep(600)"), ("CPU-bound", "select count(*) from generate_series(1, 100000000000)") })
        {
            foreach (var prefer in new[] { null, "respond-async" })
            {
                var times = (Backend: new List<double>(), Store: new List<double>());
                for (var round = 0; round < (TestSetting.IsLong ? 25 : 1); round++)
                {
                    var job = $"{name}-{prefer}-{round}";
                    var reply = _heimdall.SubmitAsync(sql, returnResult: true, cancellationToken, job, prefer: prefer);
                    var id = await _heimdall.FindJobAsync(job, "RUNNING", cancellationToken);
                    await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
                    await TimeCancelAsync(id, times, cancellationToken);
                    await reply;
                }
                var kind = prefer is null ? "inline query" : "queued query";
                Print($"cancel of {kind}, {name}: call to backend idle or gone", times.Backend, "ms");
                Print($"cancel of {kind}, {name}: call to CANCELED in the store", times.Store, "ms");
            }
        }
    }

    private async Task TimeCancelAsync(Guid id, (List<double> Backend, List<double> Store) times, CancellationToken cancellationToken)
    {
        var called = Stopwatch.GetTimestamp();
        var cancel = _heimdall.CancelAsync(id, cancellationToken);
        var store = TimeUntilAsync(called, () => _heimdall.Store.ScalarAsync<bool>("select status = 'CANCELED' from heimdall.job where id = $1", cancellationToken, id));
        times.Backend.Add(await TimeUntilAsync(called, async () => !await _heimdall.HasBackendAsync(id, cancellationToken)));
        times.Store.Add(await store);
        Assert.That((int)(await cancel).Status, Is.AnyOf(200, 202));
    }

    private static async Task<double> TimeUntilAsync(long started, Func<Task<bool>> isSoAsync)
    {
        while (!await isSoAsync())
        {
        }
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static void Print(string what, List<double> values, string unit)
    {
        values.Sort();
        TestContext.Progress.WriteLine(FormattableString.Invariant(
            $"{what}: n {values.Count}, p50 {values[values.Count / 2]:0.0} {unit}, p99 {values[(int)Math.Ceiling(values.Count * 0.99) - 1]:0.0} {unit}, max {values[^1]:0.0} {unit}"));
    }

    private Task<DateTime> FirstStatementAsync(Guid id, DateTime after, CancellationToken cancellationToken) => Eventually.Becomes(
        async () => (await _heimdall.Target.ColumnAsync<DateTime>(
            "select query_start from pg_stat_activity where application_name like $1 and state = 'active' and query like 'select pg_sleep%' and query_start > $2", cancellationToken, $"heimdall {id} %", after.ToUniversalTime()))
            .SingleOrDefault(),
        () => Is.GreaterThan(after),
        cancellationToken);

    private async Task WaitForServersAsync(CancellationToken cancellationToken, params HeimdallProcess[] workers)
    {
        foreach (var worker in workers)
        {
            await Eventually.Is(() => _heimdall.Store.ScalarAsync<bool>("select exists (select from hangfire.server where id like '%:' || $1 || ':%')", cancellationToken, worker.Id.ToString(provider: null)), cancellationToken);
        }
    }
}
