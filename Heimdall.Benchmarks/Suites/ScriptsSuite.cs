using System.Diagnostics;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary><c>scripts</c>: script files, run by psql and as jobs of a worker.</summary>
internal static class ScriptsSuite
{
    private const string Time = "time";
    private const string WithQueue = "with HTTP and queue";
    private const string Peak = "peak";
    private const int StatementsHeld = 4;
    private const double MemoryAllowance = 64;

    public static Suite Suite { get; } = new(
        "scripts",
        "script files, run by psql and as jobs of a worker",
        """
        Runs script files with psql and as jobs of a worker, in turns, each time in a fresh database after a CHECKPOINT. Heimdall's time
        is that from started_at to finished_at of the job. A goal that is missed is reported and is no failure; a run that fails, or
        leaves other rows behind than psql, is one (exit code 1). Processors are kept awake by work that gives way to all other; for it
        to do so, root turns the kernel's sched_autogroup_enabled off for as long as it measures.
        """,
        Gigabytes: 17,
        Settings: quick => [$"shared_buffers={(quick ? "256MB" : "2GB")}", "max_wal_size=8GB"], // what makes a commit durable stays as it is
        Rows: quick => Rows(quick ? 10 : 1, committed: quick ? 1_000 : 100_000));

    /// <param name="divisor">Of all sizes.</param>
    /// <param name="committed">Statements that wait for the disk, each.</param>
    private static Row[] Rows(int divisor, int committed) =>
    [
        Script("ddl", $"{2_000 / divisor:N0} DDL and function statements", _ => DefinitionScripts.Definitions(2_000 / divisor), Goal.RatioAtMost(0.90)),
        Script("inserts-none", $"{committed:N0} single-row INSERTs", _ => InsertScripts.OneRowEach(committed), Goal.RatioAtMost(0.90), isSingle: false),
        Script("inserts-single", $"{100_000 / divisor:N0} single-row INSERTs", _ => InsertScripts.OneRowEach(100_000 / divisor), Goal.RatioAtMost(0.30)),
        Script("dump-10", $"pg_dump of pgbench, scale {10 / divisor}", server => Input.DumpOf(10 / divisor, server), Goal.RatioAtMost(1.0)),
        Script("dump-50", $"pg_dump of pgbench, scale {50 / divisor}", server => Input.DumpOf(50 / divisor, server), Goal.RatioAtMost(1.0)),
        Script("large-inserts", $"{200 / divisor} MB of 500-row INSERTs", _ => InsertScripts.ManyRowsEach(200 / divisor), Goal.RatioAtMost(0.5)),
        Memory("memory", 200 / divisor),
        Memory("memory-big", 2_000 / divisor) with { OnlyIfNamed = true },
    ];

    private static Row Script(string name, string title, Func<PostgresServer, Input> input, Goal goal, bool isSingle = true) => new(
        name, $"{title}, {(isSingle ? "one transaction" : "each commits by itself")}; psql {(isSingle ? "-1" : "-f")}", goal,
        (bench, token) => CompareAsync(bench, name, input(bench.Server), isSingle, token));

    private static Row Memory(string name, int megabytes) => new(
        name, $"memory above the idle worker, {megabytes:N0} MB of 500-row INSERTs",
        new Goal($"{MemoryAllowance} MB + {StatementsHeld} x the longest statement",
            series => series[0].Main?.Median - (StatementsHeld * series[0].Of("longest statement")?.Median) <= MemoryAllowance),
        (bench, token) => MeasureMemoryAsync(bench, name, InsertScripts.ManyRowsEach(megabytes), token));

    private static async Task<IReadOnlyList<Series>> CompareAsync(Bench bench, string row, Input input, bool isSingle, CancellationToken cancellationToken)
    {
        var folder = await FolderAsync(bench, input, cancellationToken);
        await using var heimdall = await StartAsync(bench, row, folder, isSingle, cancellationToken);
        await using var databases = new DatabaseList(bench.Server);
        long? expected = null;
        async Task<IReadOnlyList<Figure>> RunAsync(string label, Func<BenchDatabase, Task<IReadOnlyList<Figure>>> run)
        {
            var database = await databases.CreateAsync(label, input.Setup, cancellationToken);
            await bench.Server.CheckpointAsync(cancellationToken);
            var figures = await run(database);
            var count = await database.ScalarAsync<long>(input.CountSql, cancellationToken);
            expected ??= count; // psql is the first to run
            if (!input.MakesManyFiles)
            {
                await databases.DisposeAsync();
            }
            return count == expected ? figures : throw new BenchmarkException($"It left a count of {count}, and the first run {expected}.");
        }
        return await bench.InTurnsAsync(row,
            new Contender("Heimdall", round => RunAsync(LabelOf(row, round), database => RunJobAsync(heimdall, database.Label, input, isSingle, cancellationToken))),
            new Contender("psql", round => RunAsync($"psql_{LabelOf(row, round)}", async database =>
            {
                string[] mode = isSingle ? ["--single-transaction"] : [];
                var run = await ProgramRun.RunAsync(
                    database.Program(bench.Server.ProgramPath("psql"),
                        ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", .. mode, $"--file={Path.Combine(folder, input.File)}"]),
                    cancellationToken);
                return [new(Time, run.Seconds, "s"), new(Peak, run.PeakBytes / MeasuredTable.Megabyte, "MB", "0")];
            })));
    }

    private static async Task<IReadOnlyList<Series>> MeasureMemoryAsync(Bench bench, string row, Input input, CancellationToken cancellationToken)
    {
        var folder = await FolderAsync(bench, input, cancellationToken);
        var longest = 0;
        await foreach (var line in File.ReadLinesAsync(Path.Combine(folder, input.File), cancellationToken))
        {
            longest = Math.Max(longest, line.Length); // each statement of these scripts is a line
        }
        return await bench.InTurnsAsync(row, new Contender("Heimdall", async round =>
        {
            // A worker of its own for each round: what is left of the round before would hide what this one takes.
            await using var heimdall = await StartAsync(bench, row, folder, isSingle: true, cancellationToken);
            await using var databases = new DatabaseList(bench.Server);
            await databases.CreateAsync(LabelOf(row, round), input.Setup, cancellationToken);
            var idle = ProcessUse.Memory(heimdall.WorkerProcessIds[0]);
            var peak = await ProcessUse.PeakDuringAsync(
                heimdall.WorkerProcessIds[0], RunJobAsync(heimdall, LabelOf(row, round), input, isSingle: true, cancellationToken));
            return [new("growth", (peak - idle) / MeasuredTable.Megabyte, "MB", "0.0"), new("longest statement", longest / MeasuredTable.Megabyte, "MB", "0.00")];
        }));
    }

    private static async Task<IReadOnlyList<Figure>> RunJobAsync(
        RunningHeimdall heimdall, string cluster, Input input, bool isSingle, CancellationToken cancellationToken)
    {
        // Inactive but for its run: a cluster that is active is probed, and its database is there for that one run only.
        await heimdall.SetStatusAsync(cluster, "ACTIVE", cancellationToken);
        JsonNode? job = null;
        var started = Stopwatch.GetTimestamp();
        var context = new JsonObject { ["query"] = input.File, ["transaction"] = isSingle ? "single" : "none" };
        var run = Task.Run(async () => job = await heimdall.RunQueuedAsync(cluster, context, "wait=60", cancellationToken), cancellationToken);
        var peak = await ProcessUse.PeakDuringAsync(heimdall.WorkerProcessIds[0], run);
        var all = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await heimdall.SetStatusAsync(cluster, "INACTIVE", cancellationToken);
        return
        [
            new(Time, (job!["finished_at"]!.GetValue<DateTime>() - job["started_at"]!.GetValue<DateTime>()).TotalSeconds, "s"),
            new(WithQueue, all, "s"), new(Peak, peak / MeasuredTable.Megabyte, "MB", "0"),
        ];
    }

    /// <summary>A Heimdall that has run a job in the same mode, and knows the databases to come.</summary>
    private static async Task<RunningHeimdall> StartAsync(Bench bench, string row, string folder, bool isSingle, CancellationToken cancellationToken)
    {
        string[] labels = [.. Enumerable.Range(0, bench.Rounds + 1).Select(round => LabelOf(row, round))];
        var setup = new HeimdallSetup { Clusters = labels.ToDictionary(label => label, bench.Server.ConnectionStringOf), SqlDirectory = folder, AreActive = false };
        var heimdall = await RunningHeimdall.StartAsync(bench.Server, setup, cancellationToken);
        try
        {
            await using var warmUp = await bench.Server.CreateDatabaseAsync(labels[0], cancellationToken);
            await RunJobAsync(heimdall, labels[0], Input.WarmUp, isSingle, cancellationToken);
            return heimdall;
        }
        catch
        {
            await heimdall.DisposeAsync();
            throw;
        }
    }

    private static async Task<string> FolderAsync(Bench bench, Input input, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(bench.Folder, "inputs")).FullName;
        await Input.WarmUp.EnsureAsync(folder, cancellationToken);
        await input.EnsureAsync(folder, cancellationToken);
        return folder;
    }

    private static string LabelOf(string row, int round) => $"{row.Replace('-', '_')}_{round}";

    /// <summary>Databases that are dropped together.</summary>
    private sealed class DatabaseList(PostgresServer server) : IAsyncDisposable
    {
        private readonly List<BenchDatabase> _all = [];

        public async Task<BenchDatabase> CreateAsync(string label, string setup, CancellationToken cancellationToken)
        {
            var database = await server.CreateDatabaseAsync(label, cancellationToken);
            _all.Add(database);
            await database.ExecuteAsync(setup, cancellationToken);
            return database;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var database in _all)
            {
                await database.DisposeAsync();
            }
            _all.Clear();
        }
    }
}
