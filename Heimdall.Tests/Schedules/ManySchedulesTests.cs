using System.Diagnostics;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Many schedules in a file are all there soon, and those that are due are fired although others wait.</summary>
[CancelAfter(600_000)]
public sealed class ManySchedulesTests
{
    private const int Frequent = 10;
    private const int Seconds = 8;

    /// <summary>HEIMDALL_LONG_TESTS=1 has as many as a large team.</summary>
    private static readonly int Rare = TestSetting.IsLong ? 10_000 : 1_000;

    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Create()
    {
        const string Rest = "overlap: allow, misfire: all, command_criteria: [type:postgres], cluster_criteria: [data:local], "
            + "context: {query: select 1}}\n";
        var schedules = new StringBuilder();
        for (var i = 0; i < Rare; i++)
        {
            schedules.Append(null, $"- {{name: rare {i}, id: rare-{i}, cron: '0 {i % 24} 1 {1 + i % 12} *', {Rest}");
        }
        for (var i = 0; i < Frequent; i++)
        {
            schedules.Append(null, $"- {{name: frequent {i}, id: frequent-{i}, cron: '* * * * * *', {Rest}");
        }
        _heimdall = await HeimdallInstance.CreateAsync(
            config => config with { Schedules = schedules.ToString(), Worker = "lease: 2s, concurrency: 10" });
    }

    [TearDown]
    public async Task Dispose() => await _heimdall.DisposeAsync();

    [Test]
    public async Task They_start_and_fire(CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        await _heimdall.StartApiAsync();
        var first = Stopwatch.GetElapsedTime(begun);
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.schedule", cancellationToken),
            Is.EqualTo(Rare + Frequent));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from hangfire.set where key = 'recurring-jobs'", cancellationToken),
            Is.EqualTo(Rare + Frequent));

        await _heimdall.StartWorkerAsync();
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                """
                select count(*) = $1 from (
                    select from heimdall.job where schedule like 'frequent-%' and status = 'SUCCEEDED'
                    group by schedule having count(*) >= $2) done
                """,
                cancellationToken, (long)Frequent, (long)Seconds),
            cancellationToken, TimeSpan.FromMinutes(5));

        var gaps = await _heimdall.Store.ScalarAsync<long>(
            """
            select count(*) from (
                select planned_at - lag(planned_at) over (partition by schedule order by planned_at) as gap
                from heimdall.schedule_run) runs
            where gap <> interval '1 s'
            """,
            cancellationToken);
        Assert.That(gaps, Is.Zero, "each second once");
        var late = await _heimdall.Store.ColumnAsync<double>(
            """
            select percentile_cont(share) within group (order by extract(epoch from decided_at - planned_at))::float8
            from heimdall.schedule_run, unnest(array[0.5, 0.95, 1.0]) share
            where planned_at > (select min(decided_at) + interval '3 s' from heimdall.schedule_run) -- when all had begun
            group by share order by share
            """,
            cancellationToken);

        begun = Stopwatch.GetTimestamp();
        await _heimdall.StopApiAsync();
        var stopped = Stopwatch.GetElapsedTime(begun);
        begun = Stopwatch.GetTimestamp();
        await _heimdall.StartApiAsync();
        Assert.That(
            string.Concat(_heimdall.Logs),
            Does.Not.Contain("is postponed").And.Not.Contain("has failed").And.Not.Contain("could not be fired"));
        await TestContext.Out.WriteLineAsync(
            $"{Rare + Frequent} schedules: first start {first.TotalSeconds:0.0} s, stop {stopped.TotalSeconds:0.0} s, "
            + $"another start {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s; "
            + $"{Frequent} of them each second are late by p50 {late[0]:0.00} s, p95 {late[1]:0.00} s, at most {late[2]:0.00} s");
    }
}
