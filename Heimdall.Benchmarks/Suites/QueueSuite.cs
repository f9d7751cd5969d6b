using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Clients;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary><c>queue</c>: jobs on their way through the queue, beside an older version and beside stock Hangfire.</summary>
internal static class QueueSuite
{
    private const string Cluster = "target";
    private const string Now = "Heimdall";
    private const string Before = "before";
    private const string Rate = "rate";
    private const int Slots = 20;
    private const int MostJobsInARequest = 1_000;
    private const int JobMilliseconds = 500;
    private const int MostJobTimes = 20;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private const string HasOpenSql = "select exists (select from heimdall.job where status in ('ACCEPTED', 'RUNNING', 'CANCELING'))";

    // A transaction that has an id is one that writes, and waits for the log.
    private const string WritesSql = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

    public static Suite Suite { get; } = new(
        "queue",
        "jobs through the queue, against an older version (--before) and stock Hangfire",
        """
        Puts jobs into the queue and has workers run them, in turns with the older version of --before and, where it says so, with
        Hangfire's stock storage. CPU is that of our processes and of PostgreSQL, a job. What a version is not able to do is reported
        and is no failure.
        """,
        Gigabytes: 12,
        Settings: _ =>
        [
            "shared_buffers=1GB", "max_wal_size=8GB", "max_connections=600", "shared_preload_libraries=pg_stat_statements",
        ],
        Rows: quick => Rows(quick
            ? new Sizes(Jobs: 100, HangfireJobs: 100, Posts: 2, Samples: 5, Waiting: 3_000, Few: 200, Seconds: 1, CallerJobs: 200, BlackHoleJobs: 50, Workers: 2)
            : new Sizes(Jobs: 2_000, HangfireJobs: 20_000, Posts: 5, Samples: 100, Waiting: 1_000_000, Few: 1_000, Seconds: 5, CallerJobs: 10_000,
                BlackHoleJobs: 500, Workers: 20)));

    private static Row[] Rows(Sizes sizes) =>
    [
        Versions("jobs", $"{sizes.Jobs:N0} 'select 1' batches by POST /jobs, one worker of {Slots} slots", Goal.RatioAtLeast(8), Started(Slots),
            (bench, heimdall, token) => JobsAsync(bench, heimdall, sizes, token)),
        new("storage", "the same jobs, with queue.storage heimdall and stock", Goal.None,
            (bench, token) => StorageAsync(bench, sizes, token)),
        new("drain", $"{sizes.HangfireJobs:N0} Hangfire jobs that do nothing, {Slots} slots; Hangfire's stock storage",
            Goal.RatioAtLeast(15).And(Goal.AtMost("CPU", 0.5, "ms")), (bench, token) => DrainAsync(bench, sizes, token)),
        Versions("submit-one", "POST /job, 32 connections, no worker", Goal.RatioAtLeast(5).And(Goal.AtLeast(Wrk.Rate, 2_000, "/s")), Started(Slots, workers: 0),
            (bench, heimdall, token) => SubmitOneAsync(heimdall, 32, sizes.Seconds, token)),
        Versions("submit-many", "1,000 jobs by one POST /jobs, no worker", Goal.AtLeast(Rate, 10_000, "/s"), Started(Slots, workers: 0),
            (bench, heimdall, token) => SubmitManyAsync(heimdall, sizes.Posts, token)),
        Versions("pickup", $"from before the POST to the first statement in the target, an idle worker, n = {sizes.Samples} a round",
            Goal.AtMost("p50", 15, "ms").And(Goal.AtMost("p99", 50, "ms")), Started(Slots), (bench, heimdall, token) => PickUpAsync(bench, heimdall, sizes, token)),
        new("store-cost", "what a batch job costs the store, 20 in flight, the target on another server",
            Goal.AtMost("statements", 8, "a job").And(Goal.AtMost("commits that write", 1, "a job")), (bench, token) => StoreCostAsync(bench, sizes, token)),
        new("waiting", $"{sizes.Waiting:N0} waiting jobs of 100 callers on 10 clusters; {sizes.Few:N0}",
            new Goal("rates within 20 %", series => series[0].Main?.Median >= 0.8 * series[1].Main?.Median
                && series[0].Of("submit")?.Median >= 0.8 * series[1].Of("submit")?.Median),
            (bench, token) => WaitingAsync(bench, sizes, AppContext.BaseDirectory, "waiting", token)),
        new("waiting-before", $"the same of the version of --before: {sizes.Waiting:N0}; {sizes.Few:N0}", Goal.None,
            (bench, token) => WaitingAsync(bench, sizes, BeforeOf(bench), "waiting-before", token)) { OnlyIfNamed = true },
        Versions("idle", "an idle worker of 5 slots", Goal.AtMost("statements", 3, "a second").And(Goal.AtMost("connections", 8, "")), Started(5),
            (bench, heimdall, token) => IdleAsync(bench, heimdall, sizes, token)),
        Versions("fleet", $"connections of {sizes.Workers} workers of 5 slots and 2 APIs that run jobs", Goal.AtMost("connections", 250, ""),
            Started(5, workers: sizes.Workers, apis: 2), (bench, heimdall, token) => FleetAsync(bench, heimdall, sizes, token)),
        Versions("fairness", $"one caller has {sizes.CallerJobs:N0} jobs of 0.5 s on 4 slots; another's single job",
            Goal.AtMost("wait", 3, "job times"), Started(4), (bench, heimdall, token) => FairnessAsync(bench, heimdall, sizes, token)),
        Versions("black-hole", $"{sizes.BlackHoleJobs:N0} jobs for a cluster whose connects hang, max_concurrency 2; a job for another",
            Goal.AtMost("wait", 100, "ms"), StartedBesideBlackHole, (bench, heimdall, token) => BlackHoleAsync(bench, heimdall, sizes, token)),
    ];

    private delegate Task<RunningHeimdall> Starter(Bench bench, string programs, CancellationToken cancellationToken);

    /// <summary>A row that measures this version and the one of --before in turns, each with a Heimdall of its own.</summary>
    private static Row Versions(
        string name, string title, Goal goal, Starter startAsync, Func<Bench, RunningHeimdall, CancellationToken, Task<IReadOnlyList<Figure>>> runAsync) =>
        new(name, title, goal, (bench, token) =>
        {
            (string, Func<Task<RunningHeimdall>>) Version(string who, string programs) =>
                (who, () => startAsync(bench, programs, token));
            (string, Func<Task<RunningHeimdall>>)[] before =
                bench.Options.Before is { } programs ? [Version(Before, programs)] : [];
            return InTurnsAsync(
                bench, name, heimdall => runAsync(bench, heimdall, token),
                [Version(Now, AppContext.BaseDirectory), .. before]);
        });

    /// <summary>Whole jobs on either storage of Hangfire's rows.</summary>
    private static Task<IReadOnlyList<Series>> StorageAsync(
        Bench bench, Sizes sizes, CancellationToken cancellationToken)
    {
        (string, Func<Task<RunningHeimdall>>) On(string storage) => (
            storage, () => Started(Slots, storage: storage)(bench, AppContext.BaseDirectory, cancellationToken));
        return InTurnsAsync(
            bench, "storage", heimdall => JobsAsync(bench, heimdall, sizes, cancellationToken),
            On("heimdall"), On("stock"));
    }

    /// <summary>Measures Heimdalls in turns. Each is started before its first turn, and stays until the last.</summary>
    private static async Task<IReadOnlyList<Series>> InTurnsAsync(
        Bench bench, string row, Func<RunningHeimdall, Task<IReadOnlyList<Figure>>> runAsync,
        params (string Who, Func<Task<RunningHeimdall>> StartAsync)[] versions)
    {
        var started = new List<RunningHeimdall>();
        Contender Plan((string Who, Func<Task<RunningHeimdall>> StartAsync) version)
        {
            RunningHeimdall? heimdall = null;
            return new Contender(version.Who, _ => runAsync(heimdall!))
            {
                PrepareAsync = async () =>
                {
                    heimdall = await version.StartAsync();
                    started.Add(heimdall);
                },
            };
        }
        try
        {
            return await bench.InTurnsAsync(row, [.. versions.Select(Plan)]);
        }
        finally
        {
            foreach (var heimdall in started)
            {
                await heimdall.DisposeAsync();
            }
        }
    }

    /// <summary>A Heimdall that has run jobs, unless it has no worker: so loading and compiling code is not measured.</summary>
    private static Starter Started(
        int slots, int workers = 1, int apis = 1, string? storage = null) => async (bench, programs, token) =>
    {
        var target = await TargetAsync(bench, token);
        var setup = new HeimdallSetup
        {
            Programs = programs,
            Clusters = new Dictionary<string, string> { [Cluster] = target.ConnectionString },
            SqlDirectory = bench.Folder,
            Concurrency = slots,
            Workers = workers,
            Apis = apis,
            Storage = storage,
        };
        var heimdall = await RunningHeimdall.StartAsync(bench.Server, setup, token);
        if (workers > 0)
        {
            await RunAllAsync(heimdall, bench.Quick ? 20 : 3_000, token);
        }
        return heimdall;
    };

    private static async Task<RunningHeimdall> StartedBesideBlackHole(Bench bench, string programs, CancellationToken token)
    {
        var target = await TargetAsync(bench, token);
        var hole = await bench.SharedAsync("black hole", () => Task.FromResult(new BlackHole()));
        var setup = new HeimdallSetup
        {
            Programs = programs,
            Clusters = new Dictionary<string, string> { [Cluster] = target.ConnectionString, ["hole"] = $"Host=127.0.0.1;Port={hole.Port};Database=none;Username=none" },
            MaxConcurrency = new Dictionary<string, int> { ["hole"] = 2 },
            SqlDirectory = bench.Folder,
            Concurrency = Slots,
        };
        return await RunningHeimdall.StartAsync(bench.Server, setup, token);
    }

    private static Task<BenchDatabase> TargetAsync(Bench bench, CancellationToken cancellationToken) => bench.SharedAsync("target", async () =>
    {
        var database = await bench.Server.CreateDatabaseAsync(Cluster, cancellationToken);
        await database.ExecuteAsync("create table seen (id int, at timestamptz)", cancellationToken);
        return database;
    });

    private static IEnumerable<JsonObject> Batches(int count, string sql = "select 1", string cluster = Cluster) =>
        Enumerable.Range(0, count).Select(_ => RunningHeimdall.JobOf(cluster, RunningHeimdall.Batch(sql)));

    /// <summary>Puts jobs into the queue, as many in a request as it takes, and waits until all have ended.</summary>
    private static async Task RunAllAsync(RunningHeimdall heimdall, int jobs, CancellationToken cancellationToken)
    {
        foreach (var part in Batches(jobs).Chunk(MostJobsInARequest))
        {
            await heimdall.SubmitManyAsync(part, "bench", cancellationToken);
        }
        await using var connection = await heimdall.Store.OpenAsync(cancellationToken);
        await using var command = new Npgsql.NpgsqlCommand(HasOpenSql, connection);
        while (await command.ExecuteScalarAsync(cancellationToken) is true)
        {
            await Task.Delay(Look, cancellationToken);
        }
    }

    private static async Task<IReadOnlyList<Figure>> JobsAsync(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        var serverCpu = await bench.Server.CpuReaderAsync(cancellationToken);
        var (ours, server) = (ProcessUse.Cpu(heimdall.ProcessIds), serverCpu());
        var started = Stopwatch.GetTimestamp();
        await RunAllAsync(heimdall, sizes.Jobs, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return
        [
            new(Rate, sizes.Jobs / seconds, "/s", "0"),
            new("CPU", (ProcessUse.Cpu(heimdall.ProcessIds) - ours) * 1000 / sizes.Jobs, "ms a job", "0.00"),
            new("of PostgreSQL", (serverCpu() - server) * 1000 / sizes.Jobs, "ms a job", "0.00"),
        ];
    }

    private static Task<IReadOnlyList<Series>> DrainAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken) => bench.InTurnsAsync("drain",
        new Contender(Now, _ => throw new NotAbleException(
            "Heimdall writes what its own jobs cost. Other jobs of Hangfire's stay on the stock storage.")),
        new Contender("stock Hangfire", async _ =>
        {
            var serverCpu = await bench.Server.CpuReaderAsync(cancellationToken);
            var server = serverCpu();
            var (seconds, cpu) = await StockHangfire.DrainAsync(bench.Server, sizes.HangfireJobs, Slots, cancellationToken);
            return
            [
                new(Rate, sizes.HangfireJobs / seconds, "/s", "0"), new("CPU", cpu * 1000 / sizes.HangfireJobs, "ms", "0.00"),
                new("of PostgreSQL, with the filling", (serverCpu() - server) * 1000 / sizes.HangfireJobs, "ms", "0.00"),
            ];
        }));

    private static Task<IReadOnlyList<Figure>> SubmitOneAsync(RunningHeimdall heimdall, int connections, int seconds, CancellationToken cancellationToken)
    {
        var request = new LoadRequest(RunningHeimdall.JobPath, RunningHeimdall.JobOf(Cluster, RunningHeimdall.Batch("select 1")).ToJsonString());
        return Wrk.RunAsync(new LoadTarget(heimdall.Address, [request], "\"ACCEPTED\"", heimdall.ApiProcessId), connections, seconds, cancellationToken);
    }

    private static async Task<IReadOnlyList<Figure>> SubmitManyAsync(RunningHeimdall heimdall, int posts, CancellationToken cancellationToken)
    {
        var cpu = ProcessUse.Cpu(heimdall.ProcessIds);
        var started = Stopwatch.GetTimestamp();
        for (var post = 0; post < posts; post++)
        {
            await heimdall.SubmitManyAsync(Batches(MostJobsInARequest), "bench", cancellationToken);
        }
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double jobs = posts * MostJobsInARequest;
        return [new(Rate, jobs / seconds, "/s", "0"), new("CPU of the API", (ProcessUse.Cpu(heimdall.ProcessIds) - cpu) * 1e6 / jobs, "µs a job", "0")];
    }

    private static async Task<IReadOnlyList<Figure>> PickUpAsync(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        var target = await TargetAsync(bench, cancellationToken);
        var (waits, random) = (new List<double>(), new Random(42));
        for (var sample = 1; sample <= sizes.Samples; sample++)
        {
            // Without a rhythm: a poll that happens to be in step would look like a notification.
            await Task.Delay(random.Next(20, 120), cancellationToken);
            var posted = DateTime.UtcNow;
            var batch = RunningHeimdall.Batch(string.Create(CultureInfo.InvariantCulture, $"insert into seen values ({sample}, clock_timestamp())"));
            await heimdall.RunQueuedAsync(Cluster, batch, "wait=60", cancellationToken);
            var seen = await target.ScalarAsync<DateTime>("select max(at) from seen", cancellationToken);
            waits.Add((seen - posted).TotalMilliseconds);
        }
        waits.Sort();
        return [new("p50", Timings.Quantile(waits, 0.5), "ms", "0.0"), new("p99", Timings.Quantile(waits, 0.99), "ms", "0.0")];
    }

    private static async Task<IReadOnlyList<Series>> StoreCostAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken)
    {
        if (PostgresServer.External is not null)
        {
            throw new NotAbleException("Measured on private servers only: without HEIMDALL_BENCH_DB.");
        }
        // The log of the store's server is then the store's alone.
        await using var other = await PostgresServer.StartPrivateAsync(
            Path.Combine(bench.Folder, $"target-{Environment.ProcessId}"), ["shared_buffers=128MB"], cancellationToken);
        await using var target = await other.CreateDatabaseAsync(Cluster, cancellationToken);
        await bench.Server.Maintenance.ExecuteAsync("create extension if not exists pg_stat_statements", cancellationToken);
        var row = Versions("store-cost", "", Goal.None,
            async (_, programs, token) =>
            {
                var setup = new HeimdallSetup
                {
                    Programs = programs,
                    Clusters = new Dictionary<string, string> { [Cluster] = target.ConnectionString },
                    SqlDirectory = bench.Folder,
                    Concurrency = Slots,
                    Workers = 0,
                };
                return await RunningHeimdall.StartAsync(bench.Server, setup, token);
            },
            async (_, heimdall, token) =>
            {
                // Only the running is counted: the jobs are there before, and the API has ended.
                foreach (var part in Batches(sizes.Jobs).Chunk(MostJobsInARequest))
                {
                    await heimdall.SubmitManyAsync(part, "bench", token);
                }
                var first = await CountsAsync(bench, heimdall.Store, token);
                await heimdall.StartWorkersAsync(1, token);
                while (await heimdall.Store.ScalarAsync<bool>(HasOpenSql, token))
                {
                    await Task.Delay(200, token);
                }
                await heimdall.StopWorkersAsync(token); // the server counts what a session did at the latest when it ends
                var last = await CountsAsync(bench, heimdall.Store, token);
                double Each(int place) => (last[place] - first[place]) / (double)sizes.Jobs;
                return
                [
                    new("statements", Each(0), "a job", "0.00"), new("commits that write", Each(1), "a job", "0.00"),
                    new("flushes of the log", Each(2), "a job", "0.00"), new("log", Each(3), "bytes a job", "0"),
                ];
            });
        return await row.MeasureAsync(bench, cancellationToken);
    }

    /// <returns>Statements in the store, writing transactions, flushes and bytes of the log of the server, so far.</returns>
    private static async Task<long[]> CountsAsync(Bench bench, BenchDatabase store, CancellationToken cancellationToken)
    {
        await bench.Server.Maintenance.ExecuteAsync("select pg_stat_force_next_flush()", cancellationToken);
        var version = await bench.Server.Maintenance.ScalarAsync<int>("select current_setting('server_version_num')::int", cancellationToken);
        var flushes = version < 180_000 ? "select wal_sync from pg_stat_wal" : "select sum(fsyncs)::bigint from pg_stat_io where object = 'wal'";
        return
        [
            await StatementsAsync(bench, store, cancellationToken), await bench.Server.Maintenance.ScalarAsync<long>(WritesSql, cancellationToken),
            await bench.Server.Maintenance.ScalarAsync<long>(flushes, cancellationToken),
            await bench.Server.Maintenance.ScalarAsync<long>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint", cancellationToken),
        ];
    }

    private static Task<long> StatementsAsync(Bench bench, BenchDatabase store, CancellationToken cancellationToken) =>
        bench.Server.Maintenance.ScalarAsync<long>(
            $"select coalesce(sum(calls), 0)::bigint from pg_stat_statements where dbid = (select oid from pg_database where datname = '{store.Name}')",
            cancellationToken);

    private static Task<long> ConnectionsAsync(Bench bench, BenchDatabase store, CancellationToken cancellationToken) =>
        bench.Server.Maintenance.ScalarAsync<long>(
            $"select count(*) from pg_stat_activity where datname = '{store.Name}' and backend_type = 'client backend'", cancellationToken);

    private static async Task<IReadOnlyList<Series>> WaitingAsync(Bench bench, Sizes sizes, string programs, string row, CancellationToken cancellationToken)
    {
        var target = await TargetAsync(bench, cancellationToken);
        string[] clusters = [.. Enumerable.Range(0, 10).Select(number => $"target{number}")];
        var started = new List<RunningHeimdall>();
        IEnumerable<JsonObject> Jobs(int count, int from) => Enumerable.Range(from, count).SelectMany(number => Batches(1, cluster: clusters[number % 10]));
        Contender Plan(int waiting)
        {
            RunningHeimdall? heimdall = null;
            return new Contender($"{waiting:N0} waiting", async _ =>
            {
                // The queue keeps its length while jobs are claimed: who claims and who submits share the machine with either length.
                await heimdall!.StartWorkersAsync(1, cancellationToken);
                var begun = await FeedAsync(heimdall, Jobs, TimeSpan.FromSeconds(sizes.Seconds), cancellationToken);
                var rate = await FeedAsync(heimdall, Jobs, TimeSpan.FromSeconds(sizes.Seconds), cancellationToken);
                await heimdall.StopWorkersAsync(cancellationToken);
                var requests = clusters.Select(cluster => new LoadRequest(RunningHeimdall.JobPath, Batches(1, cluster: cluster).Single().ToJsonString()));
                var submit = await Wrk.RunAsync(
                    new LoadTarget(heimdall.Address, [.. requests], "\"ACCEPTED\"", heimdall.ApiProcessId), 32, sizes.Seconds, cancellationToken);
                return [new("claim", rate, "/s", "0"), new("submit", submit[0].Value, "/s", "0"), new("claim while warming up", begun, "/s", "0")];
            })
            {
                PrepareAsync = async () =>
                {
                    var setup = new HeimdallSetup
                    {
                        Programs = programs,
                        Clusters = clusters.ToDictionary(name => name, _ => target.ConnectionString),
                        SqlDirectory = bench.Folder,
                        Concurrency = Slots,
                        Workers = 0,
                    };
                    heimdall = await RunningHeimdall.StartAsync(bench.Server, setup, cancellationToken);
                    started.Add(heimdall);
                    var size = Math.Min(MostJobsInARequest, waiting / 100);
                    for (var (done, part) = (0, 0); done < waiting; done += size, part++)
                    {
                        await heimdall.SubmitManyAsync(Jobs(size, done), $"caller-{part % 100}", cancellationToken);
                    }
                    await heimdall.Store.ExecuteAsync("vacuum (analyze)", cancellationToken);
                },
            };
        }
        try
        {
            return await bench.InTurnsAsync(row, Plan(sizes.Waiting), Plan(sizes.Few));
        }
        finally
        {
            foreach (var heimdall in started)
            {
                await heimdall.DisposeAsync();
            }
        }
    }

    /// <summary>Lets a worker run and puts as many jobs into its queue as it takes out.</summary>
    /// <returns>Jobs a second that have ended.</returns>
    private static async Task<double> FeedAsync(
        RunningHeimdall heimdall, Func<int, int, IEnumerable<JsonObject>> jobs, TimeSpan time, CancellationToken cancellationToken)
    {
        await using var connection = await heimdall.Store.OpenAsync(cancellationToken);
        await using var command = new Npgsql.NpgsqlCommand("select count(*) from heimdall.job where finished_at >= $1", connection);
        command.Parameters.Add(new() { Value = DateTime.UtcNow });
        var started = Stopwatch.GetTimestamp();
        long ended = 0;
        for (var fed = 0L; Stopwatch.GetElapsedTime(started) < time; ended = (long)(await command.ExecuteScalarAsync(cancellationToken))!)
        {
            var more = (int)Math.Min(MostJobsInARequest, ended - fed);
            if (more > 100)
            {
                await heimdall.SubmitManyAsync(jobs(more, 0), $"caller-{fed % 100}", cancellationToken);
                fed += more;
            }
            await Task.Delay(Look, cancellationToken);
        }
        return ended / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<IReadOnlyList<Figure>> IdleAsync(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        await bench.Server.Maintenance.ExecuteAsync("create extension if not exists pg_stat_statements", cancellationToken);
        await heimdall.StopApisAsync(cancellationToken); // what is left is the worker's
        await Task.Delay(TimeSpan.FromSeconds(sizes.Seconds), cancellationToken);
        var (first, started) = (await StatementsAsync(bench, heimdall.Store, cancellationToken), Stopwatch.GetTimestamp());
        await Task.Delay(TimeSpan.FromSeconds(sizes.Seconds * 3), cancellationToken);
        var statements = await StatementsAsync(bench, heimdall.Store, cancellationToken) - first;
        return
        [
            new("statements", statements / Stopwatch.GetElapsedTime(started).TotalSeconds, "a second", "0.0"),
            new("connections", await ConnectionsAsync(bench, heimdall.Store, cancellationToken), "", "0"),
        ];
    }

    private static async Task<IReadOnlyList<Figure>> FleetAsync(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        var run = RunAllAsync(heimdall, sizes.Jobs, cancellationToken);
        long most = 0;
        do
        {
            most = Math.Max(most, await ConnectionsAsync(bench, heimdall.Store, cancellationToken) - 1); // one is RunAllAsync's
        }
        while (await Task.WhenAny(run, Task.Delay(Look, cancellationToken)) != run);
        await run;
        return [new("connections", most, "", "0")];
    }

    private static async Task<IReadOnlyList<Figure>> FairnessAsync(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        // What the rounds before have used up is put in again: the queue is as long as in the first.
        var waiting = await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where finished_at is null", cancellationToken);
        var sleep = FormattableString.Invariant($"select pg_sleep({JobMilliseconds / 1000.0})");
        foreach (var part in Batches(sizes.CallerJobs - (int)waiting, sleep).Chunk(MostJobsInARequest))
        {
            await heimdall.SubmitManyAsync(part, "the-many", cancellationToken);
        }
        await Task.Delay(JobMilliseconds * 2, cancellationToken); // all slots are taken
        var wait = await WaitOfAsync(heimdall, TimeSpan.FromMilliseconds(JobMilliseconds * MostJobTimes), cancellationToken)
            ?? throw new NotAbleException($"Another caller's job was not started within {MostJobTimes} job times.");
        return [new("wait", wait.TotalMilliseconds / JobMilliseconds, "job times", "0.00")];
    }

    private static async Task<IReadOnlyList<Figure>> BlackHoleAsync(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        if (!await heimdall.Store.ScalarAsync<bool>("select exists (select from heimdall.job where cluster_id = 'hole')", cancellationToken))
        {
            foreach (var part in Batches(sizes.BlackHoleJobs, cluster: "hole").Chunk(MostJobsInARequest))
            {
                await heimdall.SubmitManyAsync(part, "the-many", cancellationToken);
            }
            await Task.Delay(TimeSpan.FromSeconds(sizes.Seconds), cancellationToken); // as many as may have begun to connect
        }
        var wait = await WaitOfAsync(heimdall, TimeSpan.FromSeconds(30), cancellationToken)
            ?? throw new NotAbleException("The job for the other cluster was not started within 30 s.");
        return [new("wait", wait.TotalMilliseconds, "ms", "0")];
    }

    /// <returns>How long a job waited that is put into the queue now; null where it was not started in time.</returns>
    private static async Task<TimeSpan?> WaitOfAsync(RunningHeimdall heimdall, TimeSpan most, CancellationToken cancellationToken)
    {
        var job = await heimdall.SubmitAsync(Cluster, RunningHeimdall.Batch("select 1"), "wait=1", cancellationToken);
        for (var started = Stopwatch.GetTimestamp(); job["started_at"] is null && Stopwatch.GetElapsedTime(started) < most;)
        {
            await Task.Delay(Look, cancellationToken);
            job = await heimdall.FindAsync($"{job["id"]}", cancellationToken);
        }
        return job["started_at"]?.GetValue<DateTime>() - job["created_at"]!.GetValue<DateTime>();
    }

    private static string BeforeOf(Bench bench) => bench.Options.Before ?? throw new NotAbleException("--before names no older version.");

    /// <param name="Jobs">Batches that are run.</param>
    /// <param name="HangfireJobs">That do nothing.</param>
    /// <param name="Posts">Of a thousand jobs.</param>
    /// <param name="Samples">Of a wait, in a round.</param>
    /// <param name="Waiting">In the long queue.</param>
    /// <param name="Few">In the short one.</param>
    /// <param name="Seconds">Of a load.</param>
    /// <param name="CallerJobs">Of the caller who has many.</param>
    /// <param name="BlackHoleJobs">For the cluster that does not answer.</param>
    /// <param name="Workers">Of the fleet.</param>
    private sealed record Sizes(
        int Jobs, int HangfireJobs, int Posts, int Samples, int Waiting, int Few, int Seconds, int CallerJobs, int BlackHoleJobs, int Workers);

    /// <summary>An address that takes connections and never answers.</summary>
    private sealed class BlackHole : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, port: 0);

        public BlackHole() => _listener.Start(backlog: 1024);

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public ValueTask DisposeAsync()
        {
            _listener.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
