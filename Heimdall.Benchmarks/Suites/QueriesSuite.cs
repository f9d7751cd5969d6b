using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Clients;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary><c>queries</c>: queries over HTTP, against psql and a bare handler.</summary>
internal static class QueriesSuite
{
    private const string Cluster = "queries";
    private const string All = "select * from t";
    private const string One = "select 1";
    private const string Lookup = "select * from t where id = $1";
    private const string Time = "time";
    private const int Connections = 32;
    private const int Lookups = 1024;
    private const int Seed = 42;
    private const int WarmUpRows = 1_000;
    private const string WithOneRow = "\"row_count\":1,";

    // Ten columns of as many types, the same in every run. Some quotes, backslashes and nulls, as texts have them; numbers are spread
    // by multiplying with primes.
    private const string TableSql = """
        create table t as
            select id::int as id,
                id * 7919 as account,
                ((id * 104729) % 10000000 / 100.0)::numeric(12, 2) as amount,
                case when id % 10 = 0 then null
                    when id % 16 = 0 then 'a "quoted" name \ number ' || id
                    else 'name of customer number ' || id end as name,
                timestamptz '2024-01-01 00:00:00+00' + id * interval '37.123457 seconds' as created_at,
                date '2000-01-01' + (id % 9000)::int as day,
                id % 3 = 0 as is_open,
                md5(id::text)::uuid as key,
                jsonb_build_object('id', id, 'tags', jsonb_build_array('red', 'green')) as details,
                sqrt(id) as weight
            from generate_series(1, {rows}::bigint) as id
        """;

    public static Suite Suite { get; } = new(
        "queries",
        "queries over HTTP, against psql and a bare handler",
        """
        Runs queries over HTTP with Heimdall and, in turns, with psql or with a bare handler that does nothing but run the SQL. Many
        rows are read by curl, short requests are sent by wrk. Each row of the report has an API and a worker of its own. A goal that is
        missed is reported and is no failure; a reply that is wrong or not whole is one (exit code 1).
        """,
        Gigabytes: 6, // the table, a stored result of it, what sorts and joins spill, and the log that the server may keep
        Settings: quick => [$"shared_buffers={(quick ? "256MB" : "2GB")}", "max_wal_size=8GB", "max_connections=300"],
        Rows: quick => quick
            ? Rows(new Sizes(Rows: 10_000, Callers: 10, CallerRows: 1_000, WarmUpQueries: 5, LoadSeconds: 1, WarmUpSeconds: 1))
            : Rows(new Sizes(Rows: 1_000_000, Callers: 100, CallerRows: 100_000, WarmUpQueries: 200, LoadSeconds: 5, WarmUpSeconds: 40)));

    private static Row[] Rows(Sizes sizes) =>
    [
        Transfer("json", "as JSON; psql --csv", sizes, Goal.RatioAtMost(0.50), Inline(RowFormat.Inline), Psql("--csv", "--command", All)),
        Transfer("csv", "as CSV; psql, COPY TO STDOUT", sizes, Goal.RatioAtMost(0.75),
            Inline(RowFormat.Csv), Psql("--command", $"copy ({All}) to stdout (format csv)")),
        Transfer("ndjson", "as NDJSON; as JSON", sizes, Goal.None, Inline(RowFormat.NdJson), Inline(RowFormat.Inline)),
        Transfer("arrow", "as Arrow; as CSV", sizes, Goal.None, Inline(RowFormat.Arrow), Inline(RowFormat.Csv)),
        Transfer("parquet", "as Parquet; as CSV", sizes, Goal.None, Inline(RowFormat.Parquet), Inline(RowFormat.Csv)),
        Transfer("stored", "stored, as JSON; inline", sizes, Goal.RatioAtMost(1.1), Stored(RowFormat.Stored), Inline(RowFormat.Inline)),
        Transfer("stored", "stored, as CSV; inline", sizes, Goal.RatioAtMost(1.1), Stored(RowFormat.Csv), Inline(RowFormat.Csv)),
        Transfer("stored", "stored, as Parquet; as CSV", sizes, Goal.None, Stored(RowFormat.Parquet), Stored(RowFormat.Csv)),
        new("first-byte", $"first byte of {sizes.Rows:N0} rows as JSON", Goal.AtMost("wait", 30, "ms"),
            (bench, token) => FirstByteAsync(bench, sizes, token)),
        new("memory", $"memory above the idle API, {sizes.Rows:N0} and {10L * sizes.Rows:N0} rows as JSON", MemoryGoal(),
            (bench, token) => MemoryAsync(bench, sizes, token)),
        Load("select1-32", $"'{One}', {Connections} connections; bare handler", sizes, Connections, Goal.RatioAtLeast(0.5), Select, BareSelect),
        Load("select1-1", $"'{One}', 1 connection; bare handler", sizes, connections: 1, AddedGoal(0.4), Select, BareSelect),
        Load("lookup-32", $"lookups by key, {Connections} connections; bare handler", sizes, Connections, Goal.RatioAtLeast(0.5),
            [.. Ids(sizes).Select(id => Ask(Lookup, id))], [.. Ids(sizes).Select(id => new LoadRequest($"/lookup/{id}"))]),
        new("callers", $"{sizes.Callers} callers reading {sizes.CallerRows:N0} rows each at once; meanwhile one asks for /healthz and one for '{One}'",
            Goal.AtMost("memory", 300, "MB").And(Goal.AtMost("/healthz p99", 100, "ms")).And(Goal.AtMost("query p99", 250, "ms")),
            (bench, token) => CallersAsync(bench, sizes, token)),
    ];

    private static LoadRequest[] Select => [Ask(One)];

    private static LoadRequest[] BareSelect => [new("/query", new JsonObject { ["query"] = One }.ToJsonString())];

    private static Goal MemoryGoal() => new("<= 80 MB, 16 MB apart", series => (series[0].Main?.Median, series[1].Main?.Median) switch
    {
        ({ } few, { } many) => few <= 80 && many <= 80 && many - few <= 16,
        _ => null,
    });

    private static Goal AddedGoal(double most) => new(FormattableString.Invariant($"p50 <= {most} ms more"),
        series => series[0].Of(Wrk.P50)?.Median - series[1].Of(Wrk.P50)?.Median is { } added ? added <= most : null);

    private static IEnumerable<int> Ids(Sizes sizes)
    {
        var random = new Random(Seed);
        return Enumerable.Range(0, Lookups).Select(_ => random.Next(sizes.Rows) + 1);
    }

    /// <summary>The request that has a query run at once.</summary>
    private static LoadRequest Ask(string sql, params IReadOnlyList<int> parameters) =>
        new(RunningHeimdall.JobPath, RunningHeimdall.JobOf(Cluster, ContextOf(sql, parameters)).ToJsonString());

    private static JsonObject ContextOf(string sql, IReadOnlyList<int> parameters)
    {
        var context = new JsonObject { ["query"] = sql, ["return_result"] = true };
        if (parameters.Count > 0)
        {
            context["parameters"] = new JsonArray([.. parameters.Select(value => JsonValue.Create(value))]);
        }
        return context;
    }

    private static string First(int rows) => string.Create(CultureInfo.InvariantCulture, $"{All} limit {rows}");

    private static TransferPlan Inline(RowFormat format) => (bench, heimdall, sizes, token) =>
        Task.FromResult(new Transferrer($"inline {format.Name}", ByCurl(heimdall, format, Ask(All), sizes.Rows, token)));

    private static TransferPlan Stored(RowFormat format) => async (bench, heimdall, sizes, token) =>
    {
        var job = await heimdall.RunQueuedAsync(Cluster, ContextOf(All, []), "respond-async, wait=60", token);
        var request = new LoadRequest($"{RunningHeimdall.JobPath}/{job["id"]}/result");
        return new Transferrer($"stored {format.Name}", ByCurl(heimdall, format, request, sizes.Rows, token));
    };

    private static TransferPlan Psql(params IReadOnlyList<string> arguments) => async (bench, heimdall, sizes, token) =>
    {
        var database = await TableAsync(bench, sizes, token);
        var psql = bench.Server.ProgramPath("psql");
        return new Transferrer("psql", async () =>
        {
            // Into /dev/null: a pipe to this program would be measured too.
            var run = await ProgramRun.RunAsync(database.Program("/bin/sh", ["-c", "exec \"$0\" \"$@\" >/dev/null", psql, "--no-psqlrc", .. arguments]), token);
            return (run.Seconds, null);
        });
    };

    private static Func<Task<(double Seconds, long? Bytes)>> ByCurl(
        RunningHeimdall heimdall, RowFormat format, LoadRequest request, int rows, CancellationToken cancellationToken)
    {
        const long tolerance = 1024; // ids and times differ in length
        long? whole = null;
        return async () =>
        {
            whole ??= (await format.VerifyAsync(heimdall.Client, request, rows, cancellationToken)).Bytes;
            var (seconds, bytes) = await Curl.ReadAsync(heimdall.Address, format.Ask(request), cancellationToken);
            return Math.Abs(bytes - whole.Value) <= tolerance
                ? (seconds, bytes)
                : throw new BenchmarkException($"The reply has {bytes} bytes; a whole one had {whole}.");
        };
    }

    private static Row Transfer(string name, string what, Sizes sizes, Goal goal, TransferPlan ours, TransferPlan rival) => new(
        name, $"{sizes.Rows:N0} rows {what}", goal, async (bench, token) =>
        {
            await using var heimdall = await StartAsync(bench, sizes, token);
            var serverCpu = await bench.Server.CpuReaderAsync(token);
            async Task<Contender> PlanAsync(TransferPlan plan)
            {
                var who = await plan(bench, heimdall, sizes, token);
                return new Contender(who.Name, async _ =>
                {
                    var (api, server) = (ProcessUse.Cpu(heimdall.ApiProcessId), serverCpu());
                    var (seconds, bytes) = await who.RunAsync();
                    return
                    [
                        new(Time, seconds, "s"), new("rate", bytes / MeasuredTable.Megabyte / seconds, "MB/s", "0"), new("rows", sizes.Rows / seconds, "/s", "0"),
                        new("CPU of the API", ProcessUse.Cpu(heimdall.ApiProcessId) - api, "s", "0.00"), new("of PostgreSQL", serverCpu() - server, "s", "0.00"),
                    ];
                })
                {
                    PrepareAsync = who.RunAsync,
                };
            }
            return await bench.InTurnsAsync(name, await PlanAsync(ours), await PlanAsync(rival));
        });

    private static Row Load(string name, string what, Sizes sizes, int connections, Goal goal, IReadOnlyList<LoadRequest> ours, IReadOnlyList<LoadRequest> bare) => new(
        name, $"requests a second, {what}", goal, async (bench, token) =>
        {
            await using var heimdall = await StartAsync(bench, sizes, token);
            await using var handler = await BareHandler.StartAsync(await TableAsync(bench, sizes, token), Lookup, token);
            Contender Plan(string who, LoadTarget target) => new(who, _ => Wrk.RunAsync(target, connections, sizes.LoadSeconds, token))
            {
                PrepareAsync = () => Wrk.RunAsync(target, connections, sizes.WarmUpSeconds, token), // a runtime compiles once more what is called often
            };
            return await bench.InTurnsAsync(name,
                Plan("Heimdall", new LoadTarget(heimdall.Address, ours, WithOneRow, heimdall.ApiProcessId)),
                Plan("bare handler", new LoadTarget(handler.Address, bare, "]]}", handler.ProcessId)));
        });

    private static async Task<IReadOnlyList<Series>> FirstByteAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken)
    {
        await using var heimdall = await StartAsync(bench, sizes, cancellationToken);
        async Task<IReadOnlyList<Figure>> RunAsync()
        {
            var reply = await RowFormat.Inline.VerifyAsync(heimdall.Client, Ask(All), sizes.Rows, cancellationToken);
            return [new("wait", reply.FirstByteMilliseconds, "ms", "0.0")];
        }
        return await bench.InTurnsAsync("first-byte", new Contender("Heimdall", _ => RunAsync()) { PrepareAsync = RunAsync });
    }

    private static Task<IReadOnlyList<Series>> MemoryAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken)
    {
        const int times = 10;
        var many = string.Create(CultureInfo.InvariantCulture, $"select t.* from t, generate_series(1, {times})");
        Contender Plan(string sql, long rows) => new($"{rows:N0} rows", async _ =>
        {
            // A process of its own for each round: what is left of the query before would hide what this one takes.
            await using var heimdall = await StartAsync(bench, sizes, cancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken); // what runs on after a reply ends
            var idle = ProcessUse.Memory(heimdall.ApiProcessId);
            var peak = await ProcessUse.PeakDuringAsync(
                heimdall.ApiProcessId, RowFormat.Inline.VerifyAsync(heimdall.Client, Ask(sql), rows, cancellationToken));
            return [new("growth", (peak - idle) / MeasuredTable.Megabyte, "MB", "0.0")];
        });
        return bench.InTurnsAsync("memory", Plan(All, sizes.Rows), Plan(many, (long)sizes.Rows * times));
    }

    private static async Task<IReadOnlyList<Series>> CallersAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken)
    {
        await using var heimdall = await StartAsync(bench, sizes, cancellationToken);
        return await bench.InTurnsAsync("callers", new Contender("Heimdall", async _ =>
        {
            var started = Stopwatch.GetTimestamp();
            var all = Task.WhenAll(Enumerable.Range(1, sizes.Callers).Select(caller => Task.Run(
                () => RowFormat.Inline.VerifyAsync(
                    heimdall.Client, Ask(First(sizes.CallerRows)) with { Headers = [("X-Heimdall-User", $"caller-{caller}")] }, sizes.CallerRows, cancellationToken),
                cancellationToken)));
            var (health, query) = (ProbeAsync(heimdall.Client, new LoadRequest("/healthz"), all, cancellationToken), ProbeAsync(heimdall.Client, Ask(One), all, cancellationToken));
            var peak = await ProcessUse.PeakDuringAsync(heimdall.ApiProcessId, all);
            return
            [
                new(Time, Stopwatch.GetElapsedTime(started).TotalSeconds, "s"), new("memory", peak / MeasuredTable.Megabyte, "MB", "0"),
                new("/healthz p99", Timings.Quantile(await health, 0.99), "ms", "0.0"), new("query p99", Timings.Quantile(await query, 0.99), "ms", "0.0"),
            ];
        }));
    }

    /// <returns>Milliseconds of each answer while something else runs, in order.</returns>
    private static async Task<List<double>> ProbeAsync(HttpClient client, LoadRequest request, Task meanwhile, CancellationToken cancellationToken)
    {
        var waits = new List<double>();
        do
        {
            var sent = Stopwatch.GetTimestamp();
            await Reply.ReadAsync(client, request, cancellationToken);
            waits.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }
        while (await Task.WhenAny(meanwhile, Task.Delay(10, cancellationToken)) != meanwhile);
        waits.Sort();
        return waits;
    }

    /// <summary>The database with the table, read once.</summary>
    private static Task<BenchDatabase> TableAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken) => bench.SharedAsync("table", async () =>
    {
        await Console.Error.WriteLineAsync($"making a table of {sizes.Rows} rows …");
        var database = await bench.Server.CreateDatabaseAsync(Cluster, cancellationToken);
        await database.ExecuteAsync(TableSql.Replace("{rows}", $"{sizes.Rows}", StringComparison.Ordinal), cancellationToken);
        await database.ExecuteAsync("alter table t add primary key (id)", cancellationToken);
        await database.ExecuteAsync("vacuum (analyze) t", cancellationToken);
        await database.ScalarAsync<long>("select sum(length(t::text)) from t", cancellationToken);
        await bench.Server.CheckpointAsync(cancellationToken);
        return database;
    });

    /// <summary>A Heimdall that has answered queries, so that loading and compiling its code is not measured: it runs for weeks.</summary>
    private static async Task<RunningHeimdall> StartAsync(Bench bench, Sizes sizes, CancellationToken cancellationToken)
    {
        var table = await TableAsync(bench, sizes, cancellationToken);
        var setup = new HeimdallSetup
        {
            Clusters = new Dictionary<string, string> { [Cluster] = table.ConnectionString },
            SqlDirectory = bench.Folder,
            MaxInline = sizes.Callers + Connections, // callers, and those who ask meanwhile
        };
        var heimdall = await RunningHeimdall.StartAsync(bench.Server, setup, cancellationToken);
        try
        {
            for (var query = 0; query < sizes.WarmUpQueries; query++)
            {
                await RowFormat.Inline.VerifyAsync(heimdall.Client, Ask(First(WarmUpRows)), WarmUpRows, cancellationToken);
            }
            return heimdall;
        }
        catch
        {
            await heimdall.DisposeAsync();
            throw;
        }
    }

    private delegate Task<Transferrer> TransferPlan(Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken);

    /// <summary>One way to get all rows of the table.</summary>
    private sealed record Transferrer(string Name, Func<Task<(double Seconds, long? Bytes)>> RunAsync);

    /// <param name="Rows">Of the table.</param>
    /// <param name="Callers">That ask at the same time.</param>
    /// <param name="CallerRows">That each of them gets.</param>
    /// <param name="WarmUpQueries">That an API has answered before anything is measured.</param>
    /// <param name="LoadSeconds">Of requests, in each round.</param>
    /// <param name="WarmUpSeconds">Before the first round.</param>
    private sealed record Sizes(int Rows, int Callers, int CallerRows, int WarmUpQueries, int LoadSeconds, int WarmUpSeconds);
}
