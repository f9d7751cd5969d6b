using System.Diagnostics;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary><c>retention</c>: what callers notice of it while a tenth of a long history is deleted.</summary>
internal static class RetentionSuite
{
    private const int FewJobs = 10_000;
    private const int ManyJobs = 10_000_000;

    /// <summary>Of the requests of each kind.</summary>
    private const int PerSecond = 20;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>The keeper looks each minute; a machine may be busy.</summary>
    private static readonly TimeSpan LongestStart = TimeSpan.FromMinutes(3);

    /// <summary>The figures that the goal is about.</summary>
    private static readonly string[] _compared = ["list", "submit", "claim"];

    // Each job with its attempt and a piece of its log. Those of a later round are younger.
    private const string FillSql = """
        with jobs as (
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
                created_at, started_at, finished_at, updated_at, attempt, worker, statements)
            select gen_random_uuid(), 'job-' || n % 100, '1', '', array['team:' || n % 20], 'user-' || n % 50,
                'SUCCEEDED', false, false, 'load', 'load', 'cluster-' || n % 5, 'cluster', '{type:postgres}',
                '{type:postgres}', json_build_object('query',
                    'insert into target_' || n % 50 || ' select * from source where day = ' || n),
                at, at, at + interval '300 ms', at + interval '300 ms', 1, 'host:1', 1
            from (select n, {from} + n * interval '{step} ms' as at from generate_series(1, {jobs}) n) numbers
            returning id),
        attempts as (
            insert into heimdall.job_attempt (job_id, attempt, worker, finished_at, outcome)
            select id, 1, 'host:1', now(), 'SUCCEEDED' from jobs)
        insert into heimdall.job_log (job_id, stream, lines, attempt, piece)
        select id, 'stdout', '1: INSERT 0 100, 100 rows, 12 ms', 1, 1 from jobs
        """;

    private const string ExpiredSql = """
        select count(*) from heimdall.job where status = 'SUCCEEDED' and finished_at is not null
            and created_at < now() - interval '31 days'
        """;

    private const string SizeSql = """
        select sum(pg_total_relation_size(name::regclass)) / 1e6
        from unnest(array['heimdall.job', 'heimdall.job_attempt', 'heimdall.job_log']) name
        """;

    public static Suite Suite { get; } = new(
        "retention",
        "requests and jobs while a tenth of ten million jobs is deleted",
        """
        Fills a store with jobs that have ended, and in each round with a tenth more whose time is over. Requests and
        jobs come at a steady pace, first while nothing is deleted and then while the keeper deletes. --jobs says how
        many jobs there are.
        """,
        Gigabytes: 40,
        Settings: quick => [$"shared_buffers={(quick ? "256MB" : "2GB")}", "max_wal_size=8GB"],
        Rows: quick =>
        [
            new Row(
                "foreground",
                $"p99 of lists, submissions and claims, at {PerSecond} a second each, "
                    + "and the size of the tables after each round",
                new Goal("p99 <= 1.50 x without", IsMet), (bench, token) => MeasureAsync(bench, quick, token)),
        ]);

    private static bool? IsMet(IReadOnlyList<Series> series)
    {
        if (series.Count < 2)
        {
            return null;
        }
        var ratios = _compared
            .Select(figure => series[0].Of(figure)?.Median / series[1].Of(figure)?.Median)
            .ToArray();
        return ratios.Any(ratio => ratio is null) ? null : ratios.All(ratio => ratio <= 1.5);
    }

    private static async Task<IReadOnlyList<Series>> MeasureAsync(
        Bench bench, bool quick, CancellationToken cancellationToken)
    {
        var jobs = bench.Options.Jobs ?? (quick ? FewJobs : ManyJobs);
        var seconds = quick ? 2 : 20;
        await using var target = await bench.Server.CreateDatabaseAsync("retention", cancellationToken);
        var setup = new HeimdallSetup
        {
            Clusters = new Dictionary<string, string> { ["target"] = target.ConnectionString },
            SqlDirectory = bench.Folder,
        };
        await using var heimdall = await RunningHeimdall.StartAsync(bench.Server, setup, cancellationToken);
        await Console.Error.WriteLineAsync($"making a history of {jobs} jobs …");
        await FillAsync(heimdall, jobs, "now() - interval '20 days'", cancellationToken);
        await heimdall.Store.ExecuteAsync("vacuum (analyze)", cancellationToken);
        await bench.Server.CheckpointAsync(cancellationToken);
        await LoadAsync(heimdall, seconds, cancellationToken); // warms up
        var (deleting, quiet) = (new Series("while deleting"), new Series("without"));
        for (var round = 1; round <= bench.Rounds; round++)
        {
            quiet.Add(await LoadAsync(heimdall, seconds, cancellationToken));
            var expired = jobs / 10;
            await FillAsync(
                heimdall, expired, $"now() - interval '60 days' + interval '{round} hours'", cancellationToken);
            await bench.Server.CheckpointAsync(cancellationToken);
            await WaitAsync(heimdall, left => left < expired, LongestStart, cancellationToken);
            var begun = Stopwatch.GetTimestamp();
            var load = await LoadAsync(heimdall, seconds, cancellationToken);
            var left = await heimdall.Store.ScalarAsync<long>(ExpiredSql, cancellationToken);
            await WaitAsync(heimdall, left => left == 0, TimeSpan.FromHours(6), cancellationToken);
            Figure[] figures =
            [
                .. load,
                new("left after the load", left, "jobs", "0"),
                new("deletion", Stopwatch.GetElapsedTime(begun).TotalSeconds, "s", "0.0"),
                new("tables", (double)await heimdall.Store.ScalarAsync<decimal>(SizeSql, cancellationToken), "MB", "0"),
            ];
            deleting.Add(figures);
            await Console.Error.WriteLineAsync(FormattableString.Invariant(
                $"round {round} of {bench.Rounds}: {string.Join(
                    ", ", figures.Select(one => $"{one.Name} {one.Value:0.0} {one.Unit}"))}"));
        }
        return [deleting, quiet];
    }

    private static Task FillAsync(
        RunningHeimdall heimdall, int jobs, string from, CancellationToken cancellationToken) =>
        heimdall.Store.ExecuteAsync(
            FillSql.Replace("{jobs}", $"{jobs}", StringComparison.Ordinal)
                .Replace("{from}", from, StringComparison.Ordinal)
                .Replace("{step}", jobs > 1_000_000 ? "1" : "10", StringComparison.Ordinal),
            cancellationToken);

    private static async Task WaitAsync(
        RunningHeimdall heimdall, Predicate<long> isSo, TimeSpan most, CancellationToken cancellationToken)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(Look, cancellationToken))
        {
            if (isSo(await heimdall.Store.ScalarAsync<long>(ExpiredSql, cancellationToken)))
            {
                return;
            }
            if (Stopwatch.GetElapsedTime(started) > most)
            {
                throw new BenchmarkException($"Nothing was deleted within {most.TotalMinutes} minutes.");
            }
        }
    }

    /// <summary>Lists and submissions side by side, at their pace, whatever the answers take.</summary>
    private static async Task<IReadOnlyList<Figure>> LoadAsync(
        RunningHeimdall heimdall, int seconds, CancellationToken cancellationToken)
    {
        var since = await heimdall.Store.ScalarAsync<DateTime>("select now()", cancellationToken);
        var lists = PaceAsync(
            () => heimdall.Client.GetStringAsync(
                new Uri($"{RunningHeimdall.JobsPath}?user=user-7", UriKind.Relative), cancellationToken),
            seconds, cancellationToken);
        var submissions = PaceAsync(
            () => heimdall.SubmitAsync("target", RunningHeimdall.Batch("select 1"), "respond-async", cancellationToken),
            seconds, cancellationToken);
        await Task.WhenAll(lists, submissions);
        var sent = $"from heimdall.job where created_at >= '{since:O}' and name = 'benchmark'";
        while (await heimdall.Store.ScalarAsync<long>(
            $"select count(*) {sent} and finished_at is null", cancellationToken) > 0)
        {
            await Task.Delay(Look, cancellationToken);
        }
        var claim = await heimdall.Store.ScalarAsync<double>(
            "select percentile_disc(0.99) within group (order by extract(epoch from started_at - created_at))::float8 "
                + $"* 1000 {sent}",
            cancellationToken);
        return
        [
            new("list", Percentile(await lists), "ms"), new("submit", Percentile(await submissions), "ms"),
            new("claim", claim, "ms"),
        ];
    }

    /// <returns>How long each took, in milliseconds, from when it was to be sent.</returns>
    private static async Task<IReadOnlyList<double>> PaceAsync(
        Func<Task> sendAsync, int seconds, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var sent = new List<Task<double>>();
        for (var number = 0; number < seconds * PerSecond; number++)
        {
            var due = TimeSpan.FromSeconds((double)number / PerSecond);
            if (due - Stopwatch.GetElapsedTime(started) is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early, cancellationToken);
            }
            sent.Add(TimeAsync(due));
        }
        return await Task.WhenAll(sent);

        async Task<double> TimeAsync(TimeSpan due)
        {
            await sendAsync();
            return (Stopwatch.GetElapsedTime(started) - due).TotalMilliseconds;
        }
    }

    private static double Percentile(IReadOnlyList<double> times) => times.Order().ElementAt((int)(times.Count * 0.99));
}
