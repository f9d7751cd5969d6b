using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Running;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>What the overview says of a long history is right, and costs little.</summary>
[CancelAfter(600_000)]
public sealed class JobFiguresTests
{
    private static readonly int Jobs = TestSetting.IsLong ? 1_000_000 : 40_000;

    /// <summary>Blocks that a question reads at most, whatever the history.</summary>
    private static readonly Dictionary<string, int> MostBlocks = new()
    {
        ["count"] = 8_000, ["waiting"] = 2_000, ["running"] = 200, ["failures"] = 4_000, ["minutes"] = 2_000,
        ["day"] = 2_000, ["week"] = 4_000, ["open"] = 2_000, ["matches"] = 12_000, ["failed list"] = 4_000,
        ["waiting list"] = 500,
        ["unapproved"] = 200,
    };

    // A week of jobs, one in ten failed, of which one in a thousand is of a caller with few. Then the open ones.
    private const string FillSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id,
            command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at, started_at,
            finished_at, updated_at, error_kind, error, errors)
        select gen_random_uuid(), 'job ' || n % 7, '', '', '{}', case when n % 1000 = 0 then 'few' else 'many' end,
            case when n % 10 = 0 then 'FAILED' else 'SUCCEEDED' end, false, false, 'c', 'c',
            case when n % 1000 = 0 then 'small' else 'large' end, 'c', '{}', '{}', '{"query": "select 1"}',
            at - interval '3 s', at - interval '2 s', at, at, case when n % 10 = 0 then 'Sql' end,
            case when n % 10 = 0 then 'division by zero' end,
            case when n % 10 = 0 then '[{"sql_state": "22012", "message": "division by zero"}]'::json end
        from generate_series(1, JOBS) n, lateral (select now() - n * (interval '7 days' / JOBS) as at) t
        """;

    private const string OpenSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id,
            command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at, updated_at, started_at, worker)
        select gen_random_uuid(), 'open', '', '', '{}', 'many', case when n <= 30 then 'RUNNING' else 'ACCEPTED' end, false, false,
            'c', 'c', 'large', 'c', '{}', '{}', '{"query": "select 1"}', now() - interval '10 min', now() - interval '10 min',
            case when n <= 30 then now() - n * interval '1 s' end, 'host-1'
        from generate_series(1, 1030) n
        """;

    private static readonly (string Name, JobSight Sight)[] Sights =
    [
        ("everything", JobSight.Everything),
        ("their own", new("few", [JobPlaces.All], [])),
        ("a cluster", new("reader", [], [new(null, ["small"])])),
        ("nothing", new("few", [], [])),
    ];

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private JobFigures _figures = null!;

    [OneTimeSetUp]
    public async Task Fill()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        _figures = new JobFigures(_store);
        var number = Jobs.ToString(CultureInfo.InvariantCulture);
        await _database.ExecuteAsync(FillSql.Replace("JOBS", number, StringComparison.Ordinal), CancellationToken.None);
        await _database.ExecuteAsync(OpenSql, CancellationToken.None);
        await _database.ExecuteAsync("vacuum analyze heimdall.job", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Drop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Jobs_are_counted_and_failures_grouped(CancellationToken cancellationToken)
    {
        var week = DateTime.UtcNow.AddDays(-7);

        var ended = await _figures.CountEndedAsync(JobSight.Everything, DateTime.UtcNow.AddDays(-1), cancellationToken);
        var failures = await _figures.GroupFailuresAsync(JobSight.Everything, week, cancellationToken);
        var waiting = await _figures.ReadWaitingAsync(JobSight.Everything, cancellationToken);
        var running = await _figures.ReadRunningAsync(JobSight.Everything, cancellationToken);

        var aDay = Jobs / 7.0;
        Assert.That(ended[JobStatus.Succeeded], Is.EqualTo(Math.Min(JobFigures.MostCounted, aDay * 0.9)).Within(2).Percent);
        Assert.That(ended[JobStatus.Failed], Is.EqualTo(Math.Min(JobFigures.MostCounted, aDay * 0.1)).Within(2).Percent);
        Assert.That(ended[JobStatus.Killed], Is.Zero);
        Assert.That(failures.Select(group => group.State), Is.All.EqualTo("22012"));
        Assert.That(failures.Select(group => group.Name), Is.EquivalentTo(Enumerable.Range(0, 7).Select(n => $"job {n}")));
        Assert.That(failures.Sum(group => group.Count), Is.EqualTo(failures[0].LookedAt).And.EqualTo(JobFigures.MostFailures));
        Assert.That(failures[0].First, Is.LessThan(failures[0].Last));
        Assert.That(
            waiting.ByCluster.Single(),
            Is.EqualTo(new WaitingFigures("large", 1000, 0, waiting.ByCluster[0].Oldest)));
        Assert.That(running, Has.Count.EqualTo(30));
        Assert.That(running.Select(job => job.Since), Is.Ordered);
    }

    [Test]
    public async Task A_sample_of_a_week_tells_what_all_of_it_would(CancellationToken cancellationToken)
    {
        var week = await _figures.SampleAsync(
            JobSight.Everything, DateTime.UtcNow.AddDays(-7), TimeSpan.FromHours(1), 168, 30, DateTime.UtcNow, cancellationToken);

        Assert.That(week.IsPartial, Is.True);
        Assert.That(week.Jobs, Has.Count.LessThanOrEqualTo(168 * 30));
        Assert.That(week.Count(_ => true), Is.EqualTo(Jobs).Within(5).Percent);
        Assert.That(week.Count(job => job.Status == JobStatus.Failed), Is.EqualTo(Jobs / 10).Within(10).Percent);
        Assert.That(week.Percentile(0.5, job => job.Wait), Is.EqualTo(TimeSpan.FromSeconds(1)));
        Assert.That(week.Percentile(0.95, job => job.Run), Is.EqualTo(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public void A_part_that_goes_on_is_estimated_from_what_is_over_of_it()
    {
        var begin = new DateTime(2026, 1, 31, 20, 30, 0, DateTimeKind.Utc);
        SampledJob[] newest = [.. Enumerable.Range(1, 10).Select(n =>
            new SampledJob(0, JobStatus.Succeeded, null, null, begin.AddSeconds(30 - n)))];

        var sample = new JobSample(begin, TimeSpan.FromMinutes(1), 1, Each: 10, begin.AddSeconds(30), newest);

        Assert.That(sample.Count(_ => true), Is.EqualTo(30).Within(0.001), "one a second, for half a minute");
    }

    [Test]
    public async Task Others_jobs_are_not_counted(CancellationToken cancellationToken)
    {
        var own = Sights[1].Sight;
        var all = await _figures.SampleAsync(
            own, DateTime.UtcNow.AddDays(-8), TimeSpan.FromHours(24), 8, 1_000, DateTime.UtcNow, cancellationToken);

        Assert.That(all.Jobs, Has.Count.EqualTo(Jobs / 1_000));
        Assert.That((await _figures.ReadWaitingAsync(own, cancellationToken)).ByCluster, Is.Empty);
        Assert.That(await _figures.ReadRunningAsync(own, cancellationToken), Is.Empty);
        var none = await _figures.CountEndedAsync(Sights[3].Sight, DateTime.UtcNow.AddDays(-8), cancellationToken);
        Assert.That(none.Values, Is.All.Zero);
    }

    [Test]
    public async Task No_question_reads_the_whole_history(CancellationToken cancellationToken)
    {
        var (day, week) = (DateTime.UtcNow.AddDays(-1), DateTime.UtcNow.AddDays(-7));
        var told = new List<string>();
        foreach (var (name, sight) in Sights)
        {
            foreach (var (what, command) in new[]
            {
                ("count", JobFigures.BuildCountEnded(sight, day)), ("waiting", JobFigures.BuildWaiting(sight)),
                ("unapproved", JobFigures.BuildUnapproved(sight)),
                ("running", JobFigures.BuildRunning(sight)), ("failures", JobFigures.BuildFailures(sight, week)),
                ("minutes", JobFigures.BuildSample(sight, DateTime.UtcNow.AddHours(-1), TimeSpan.FromMinutes(1), 60, 100)),
                ("day", JobFigures.BuildSample(sight, day, TimeSpan.FromMinutes(15), 96, 40)),
                ("week", JobFigures.BuildSample(sight, week, TimeSpan.FromHours(1), 168, 30)),
                ("open", JobFigures.BuildOpen(sight)),
                ("matches", JobFigures.BuildCountMatches(new JobFilter { Sight = sight, Cluster = "small" })),
                ("matches", JobFigures.BuildCountMatches(new JobFilter { Sight = sight, Name = "job 3" })),
                ("failed list", JobListQuery.Build(FailedOf(sight, new JobFilter { Cluster = "small" }))),
                ("failed list", JobListQuery.Build(FailedOf(sight, new JobFilter { User = "few" }))),
                ("failed list", JobListQuery.Build(FailedOf(sight, new JobFilter { Command = "c" }))),
                ("waiting list", JobListQuery.Build(WaitingOf(sight, new JobFilter { Cluster = "small" }))),
                ("waiting list", JobListQuery.Build(WaitingOf(sight, new JobFilter { Command = "rare" }))),
            })
            {
                var (blocks, plan) = await ExplainAsync(command, cancellationToken);
                told.Add($"{name}, {what}: {blocks} blocks");
                Assert.That(blocks, Is.LessThan(MostBlocks[what]), $"{told[^1]} {plan}");
                Assert.That(plan, Does.Not.Contain("\"Seq Scan\""), told[^1]);
            }
        }
        await TestContext.Out.WriteLineAsync(string.Join('\n', told));
    }

    [Test]
    public async Task What_is_open_is_counted_by_cluster_and_by_command(CancellationToken cancellationToken)
    {
        var open = await _figures.ReadOpenAsync(JobSight.Everything, cancellationToken);

        Assert.That(open.ByCluster, Has.Count.EqualTo(1));
        var large = open.ByCluster["large"];
        Assert.That(large, Is.EqualTo(new OpenFigures(30, 0, 1000, 0, large.Oldest)));
        Assert.That(open.ByCommand["c"], Is.EqualTo(large));
        Assert.That(large.Oldest, Is.LessThan(DateTime.UtcNow.AddMinutes(-9)));
        Assert.That(open.IsPartial, Is.False);
        Assert.That((await _figures.ReadOpenAsync(Sights[1].Sight, cancellationToken)).ByCluster, Is.Empty);
    }

    [Test]
    public async Task Matches_are_counted_among_the_newest_of_what_an_index_finds(CancellationToken cancellationToken)
    {
        var small = await _figures.CountMatchesAsync(new JobFilter { Cluster = "small" }, cancellationToken);
        var named = await _figures.CountMatchesAsync(new JobFilter { Name = "job 3" }, cancellationToken);

        Assert.That(small.IsPartial, Is.False);
        Assert.That(small.ByStatus[JobStatus.Failed], Is.EqualTo(Jobs / 1_000), "all of them, however old");
        Assert.That(named.IsPartial, Is.True);
        Assert.That(named.ByStatus.Values.Sum(), Is.EqualTo(JobFigures.MostMatched / 7).Within(2));
    }

    /// <summary>For people who want to know: HEIMDALL_LONG_TESTS=1 has a million jobs.</summary>
    [Test]
    public async Task How_long_an_overview_takes(CancellationToken cancellationToken)
    {
        using var clock = new StoreClock(TimeProvider.System);
        var times = new List<double>();
        for (var i = 0; i < 40; i++)
        {
            var overviews = new JobOverviews(_figures, clock, TimeProvider.System); // nothing is shared with the one before
            var begun = Stopwatch.GetTimestamp();
            var overview = await overviews.ReadAsync(JobSight.Everything, cancellationToken);
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            Assert.That(overview.Running, Has.Count.EqualTo(30));
        }
        times.Sort();
        await TestContext.Out.WriteLineAsync(
            $"{Jobs} jobs, nothing cached by Heimdall: p50 {times[20]:0} ms, p95 {times[37]:0} ms, most {times[^1]:0} ms");
    }

    private static JobFilter WaitingOf(JobSight sight, JobFilter filter) =>
        filter with { Sight = sight, Status = [JobStatus.Accepted] };

    private static JobFilter FailedOf(JobSight sight, JobFilter filter) =>
        filter with { Sight = sight, Status = [JobStatus.Failed, JobStatus.Killed] };

    private async Task<(long Blocks, string Plan)> ExplainAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        command.CommandText = $"explain (analyze, buffers, format json) {command.CommandText}";
        var json = (string)(await command.ExecuteScalarAsync(cancellationToken))!;
        var plan = JsonDocument.Parse(json).RootElement[0].GetProperty("Plan");
        return (plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64(), json);
    }
}
