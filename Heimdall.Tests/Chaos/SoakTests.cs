using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>
/// Two APIs and three workers under a mixed load, for <c>HEIMDALL_SOAK_MINUTES</c>. One worker has a clock that is a day
/// ahead, and one an old file without a cluster and a schedule. One process a minute is replaced; every ninth minute it
/// is a worker that is killed. History is deleted after two minutes.
/// </summary>
[CancelAfter(24 * 60 * 60_000)]
public sealed class SoakTests() : RealProcessTests(processes: 5)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(90);

    private readonly List<SoakProcess> _processes = [];
    private readonly List<SoakSample> _samples = [];
    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Create()
    {
        if (TestSetting.Number("HEIMDALL_SOAK_MINUTES") is null)
        {
            Assert.Ignore("It takes long: HEIMDALL_SOAK_MINUTES=40 ./test.sh --filter SoakTests runs it.");
        }
        _heimdall = await HeimdallInstance.CreateAsync(config => config with
        {
            Server = "health_timeout: 5s, idempotency_retention: 2m",
            Results = "enabled: true, retention: 2m",
            Retention = "succeeded: 2m, canceled: 2m, schedule_runs: 5m",
        });
        await SoakLoad.PrepareAsync(_heimdall);
    }

    [TearDown]
    public async Task Dispose()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }
        await (_heimdall?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Test]
    public async Task Nothing_is_lost_late_or_double_and_nothing_grows(CancellationToken cancellationToken)
    {
        var minutes = TestSetting.Number("HEIMDALL_SOAK_MINUTES")!.Value;
        var apis = new[] { AddApi("first API"), AddApi("second API") };
        var skew = await SkewedProcess.VariablesAsync(
            TimeSpan.FromDays(1), Path.GetDirectoryName(_heimdall.ConfigFile)!, cancellationToken);
        var workers = new[]
        {
            Add("worker", "Heimdall.Worker", SoakLoad.NewFile(_heimdall)),
            Add("fast worker", "Heimdall.Worker", SoakLoad.NewFile(_heimdall), skew),
            Add("old worker", "Heimdall.Worker", SoakLoad.OldFile(_heimdall)),
        };
        foreach (var process in _processes)
        {
            process.Start();
        }
        await WaitUntilReadyAsync(apis, cancellationToken);
        await using var load = await SoakLoad.StartAsync(
            _heimdall, [.. apis.Select(api => api.Address!)], cancellationToken);

        SoakProcess[] replaced = [workers[1], apis[1], workers[2]]; // the first of each stays, and must not grow
        var started = Stopwatch.GetTimestamp();
        for (var minute = 1; minute <= minutes; minute++)
        {
            var next = replaced[minute % replaced.Length];
            await next.ReplaceAsync(isKilled: minute % 9 == 3, cancellationToken);
            await WaitUntilReadyAsync(apis, cancellationToken);
            load.AssertGoesOn();
            var rest = minute * Minute - Stopwatch.GetElapsedTime(started);
            await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, cancellationToken);
            var sample = await SoakSample.TakeAsync(_heimdall, apis[0].Id, workers[0].Id, cancellationToken);
            _samples.Add(sample);
            await TestContext.Progress.WriteLineAsync($"soak, minute {minute}: replaced {next.Name}; {load}; {sample}");
        }

        await load.AssertNothingLostOrDoubleAsync(cancellationToken);
        await AssertEveryOccurrenceFiredAsync(cancellationToken);
        AssertNothingGrew();
    }

    /// <summary>One occurrence a second, from three minutes before its end to its end.</summary>
    private async Task AssertEveryOccurrenceFiredAsync(CancellationToken cancellationToken)
    {
        var end = await _heimdall.Store.ScalarAsync<DateTime>("select date_trunc('second', now())", cancellationToken);
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                """
                select count(*) from heimdall.schedule_run
                where schedule = 'secondly' and outcome = 'FIRED' and planned_at > $1 and planned_at <= $2
                """,
                cancellationToken, end.AddMinutes(-Math.Min(3, _samples.Count)), end),
            () => Is.EqualTo(60L * Math.Min(3, _samples.Count)), cancellationToken);
    }

    /// <summary>The last quarter of the time has no more than the second.</summary>
    private void AssertNothingGrew()
    {
        var quarter = _samples.Count / 4;
        if (quarter < 2)
        {
            return; // caches and pools are still being filled
        }
        foreach (var (what, of) in SoakSample.Figures)
        {
            double Mean(int from) => _samples.Skip(from * quarter).Take(quarter).Average(of);
            Assert.That(Mean(3), Is.LessThanOrEqualTo(1.5 * Mean(1)), what);
        }
    }

    private SoakProcess AddApi(string name)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort.Find()}");
        return Add(name, "Heimdall.Api", SoakLoad.NewFile(_heimdall, address), [], address);
    }

    private SoakProcess Add(
        string name, string program, string file, KeyValuePair<string, string>[]? variables = null, Uri? address = null)
    {
        _processes.Add(new SoakProcess(name, program, file, variables ?? [], address));
        return _processes[^1];
    }

    private static async Task WaitUntilReadyAsync(IEnumerable<SoakProcess> apis, CancellationToken cancellationToken)
    {
        foreach (var api in apis)
        {
            await Eventually.Is(() => api.IsReadyAsync(cancellationToken), cancellationToken, StartTime);
        }
    }
}
