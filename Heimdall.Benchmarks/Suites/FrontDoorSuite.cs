using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Clients;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary><c>front-door</c>: what programs send most, and what others notice of a caller who is in the way.</summary>
internal static class FrontDoorSuite
{
    private const string Cluster = "front_door";
    private const int Connections = 32;

    /// <summary>Of the jobs in a page of the list, and of the rows that the bare handler reads instead.</summary>
    private const int PageSize = 20;

    /// <summary>One caller may watch a hundred jobs at once in one process.</summary>
    private const int WatchersPerCaller = 100;

    private const int Floods = 64;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    /// <summary>What somebody reads at who is on a bad line.</summary>
    private static readonly TimeSpan SlowPause = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    // As wide as the jobs that Heimdall reads and writes.
    private const string NotesSql = """
        create table note (id int generated always as identity primary key, text text not null);
        insert into note (text) select repeat('job ' || n, 200) from generate_series(1, 10000) n
        """;

    /// <summary>The figures that the goal is about.</summary>
    private static readonly string[] _figures = ["get", "submit"];

    private const string LookUp = "select * from note where id = $1";

    public static Suite Suite { get; } = new(
        "front-door",
        "submissions, jobs, lists and events under load, and what others notice of one caller",
        """
        Sends what programs send most, by wrk, in turns to Heimdall and to a bare handler that only runs one statement of
        the same kind. Then a caller asks at a steady pace, in turns alone and beside one who is in the way.
        """,
        Gigabytes: 4,
        Settings: quick => [$"shared_buffers={(quick ? "256MB" : "1GB")}", "max_wal_size=4GB", "max_connections=300"],
        Rows: quick => quick
            ? Rows(new Sizes(Seconds: 1, WarmUpSeconds: 1, SlowReaders: 2, SlowRows: 20_000, Watchers: 100))
            : Rows(new Sizes(Seconds: 10, WarmUpSeconds: 30, SlowReaders: 20, SlowRows: 500_000, Watchers: 1_000)));

    private static Row[] Rows(Sizes sizes) =>
    [
        Load("submit", "POST /job of a batch; an INSERT", sizes, "\"ACCEPTED\"",
            _ => Task.FromResult(new LoadRequest(
                RunningHeimdall.JobPath, RunningHeimdall.JobOf(Cluster, RunningHeimdall.Batch("select 1")).ToJsonString())),
            Bare("insert into note (text) values (repeat('x', 1000)) returning id")),
        Load("get", "GET /job/{id}; a row by its key", sizes, "\"SUCCEEDED\"",
            async heimdall => new LoadRequest($"{RunningHeimdall.JobPath}/{await EndedAsync(heimdall)}"),
            new LoadRequest("/lookup/7")),
        Load("list", $"GET /jobs?limit={PageSize}; as many rows", sizes, "\"has_more\"",
            async heimdall =>
            {
                for (var job = 0; job < PageSize; job++)
                {
                    await EndedAsync(heimdall);
                }
                return new LoadRequest($"{RunningHeimdall.JobsPath}?limit={PageSize}");
            },
            Bare($"select * from note order by id desc limit {PageSize}")),
        Load("events", "GET /job/{id}/events of an ended job; a row by its key", sizes, "event: end",
            async heimdall => new LoadRequest($"{RunningHeimdall.JobPath}/{await EndedAsync(heimdall)}/events"),
            new LoadRequest("/lookup/7")),
        Beside("slow-readers", $"{sizes.SlowReaders} readers of {sizes.SlowRows:N0} rows who read 1 kB each {SlowPause.TotalMilliseconds} ms",
            sizes, ReadSlowlyAsync),
        Beside("watchers", $"{sizes.Watchers:N0} watchers of a job that runs", sizes, WatchAsync),
        Beside("flood", $"one caller who sends queries over {Floods} connections as fast as they are answered", sizes, FloodAsync),
    ];

    private static LoadRequest Bare(string sql) => new("/query", new JsonObject { ["query"] = sql }.ToJsonString());

    private static Row Load(
        string name, string what, Sizes sizes, string mark, Func<RunningHeimdall, Task<LoadRequest>> ours, LoadRequest bare) =>
        new(name, $"requests a second over {Connections} connections, {what}", Goal.None, async (bench, token) =>
        {
            await using var heimdall = await StartAsync(bench, token);
            await using var handler = await BareHandler.StartAsync(await NotesAsync(bench, token), LookUp, token);
            Contender Plan(string who, LoadTarget target) => new(who, _ => Wrk.RunAsync(target, Connections, sizes.Seconds, token))
            {
                PrepareAsync = () => Wrk.RunAsync(target, Connections, sizes.WarmUpSeconds, token),
            };
            return await bench.InTurnsAsync(name,
                Plan("Heimdall", new LoadTarget(heimdall.Address, [await ours(heimdall)], mark, heimdall.ApiProcessId)),
                Plan("bare handler", new LoadTarget(handler.Address, [bare], "]]}", handler.ProcessId)));
        });

    /// <summary>A row about somebody who asks at a steady pace, beside others and alone.</summary>
    /// <param name="name">Of the row.</param>
    /// <param name="what">Who the others are.</param>
    /// <param name="sizes">How many and how long.</param>
    /// <param name="disturbAsync">Is in the way until its token is canceled.</param>
    private static Row Beside(
        string name, string what, Sizes sizes, Func<Bench, RunningHeimdall, Sizes, CancellationToken, Task> disturbAsync) =>
        new(name, $"p99 of somebody's GET /job/{{id}} and POST /job, beside {what}; alone",
            new Goal("p99 <= 2.00 x alone", IsLittleDisturbed), async (bench, token) =>
            {
                await using var heimdall = await StartAsync(bench, token);
                var id = await EndedAsync(heimdall);
                Task<IReadOnlyList<Figure>> AskAsync(int seconds) => AskSteadilyAsync(heimdall, id, seconds, token);
                return await bench.InTurnsAsync(name,
                    new Contender("beside", async _ =>
                    {
                        using var enough = CancellationTokenSource.CreateLinkedTokenSource(token);
                        var disturbance = disturbAsync(bench, heimdall, sizes, enough.Token);
                        await Task.WhenAny(Task.Delay(Settle, token), disturbance);
                        var figures = await AskAsync(sizes.Seconds);
                        if (disturbance.IsFaulted)
                        {
                            await disturbance; // a wrong run must not look like a fast one
                        }
                        await enough.CancelAsync();
                        await disturbance.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                        return figures;
                    }),
                    new Contender("alone", _ => AskAsync(sizes.Seconds)) { PrepareAsync = () => AskAsync(sizes.WarmUpSeconds) });
            });

    private static bool? IsLittleDisturbed(IReadOnlyList<Series> series)
    {
        if (series.Count < 2)
        {
            return null;
        }
        var ratios = _figures
            .Select(figure => series[0].Of(figure)?.Median / series[1].Of(figure)?.Median)
            .ToArray();
        return ratios.Any(ratio => ratio is null) ? null : ratios.All(ratio => ratio <= 2);
    }

    /// <summary>Asks for a job and submits one in turns, each when its time has come, whatever the answers take.</summary>
    private static async Task<IReadOnlyList<Figure>> AskSteadilyAsync(
        RunningHeimdall heimdall, string id, int seconds, CancellationToken cancellationToken)
    {
        (string, string)[] other = [("X-Heimdall-User", "other")];
        var get = new LoadRequest($"{RunningHeimdall.JobPath}/{id}") { Headers = other };
        var submit = new LoadRequest(
            RunningHeimdall.JobPath, RunningHeimdall.JobOf(Cluster, RunningHeimdall.Batch("select 1")).ToJsonString())
        {
            Headers = other,
        };
        var started = Stopwatch.GetTimestamp();
        var (gets, submits) = (new List<Task<double>>(), new List<Task<double>>());
        for (var number = 0; number < seconds * TimeSpan.FromSeconds(1) / Pace; number++)
        {
            var due = number * Pace;
            if (due - Stopwatch.GetElapsedTime(started) is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early, cancellationToken);
            }
            gets.Add(TimeAsync(get, due));
            submits.Add(TimeAsync(submit, due));
        }
        return [new("get", P99(await Task.WhenAll(gets)), "ms"), new("submit", P99(await Task.WhenAll(submits)), "ms")];

        async Task<double> TimeAsync(LoadRequest request, TimeSpan due)
        {
            await Reply.ReadAsync(heimdall.Client, request, cancellationToken);
            return (Stopwatch.GetElapsedTime(started) - due).TotalMilliseconds;
        }

        static double P99(IEnumerable<double> times) => Timings.Quantile([.. times.Order()], 0.99);
    }

    private static async Task ReadSlowlyAsync(
        Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = heimdall.Address, Timeout = Timeout.InfiniteTimeSpan };
        var sql = string.Create(CultureInfo.InvariantCulture, $"select n, repeat('x', 100) from generate_series(1, {sizes.SlowRows}) n");
        var context = new JsonObject { ["query"] = sql, ["return_result"] = true };
        var request = new LoadRequest(
            RunningHeimdall.JobPath, RunningHeimdall.JobOf(Cluster, context).ToJsonString());
        await Task.WhenAll(Enumerable.Range(1, sizes.SlowReaders).Select(async number =>
        {
            using var message = (request with { Headers = [("X-Heimdall-User", $"slow-{number}")] }).ToMessage();
            using var reply = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            Check(reply, "a query");
            await using var body = await reply.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = new byte[1024];
            while (await body.ReadAsync(buffer, cancellationToken) > 0)
            {
                await Task.Delay(SlowPause, cancellationToken);
            }
        }));
    }

    private static async Task WatchAsync(
        Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = heimdall.Address, Timeout = Timeout.InfiniteTimeSpan };
        var job = await heimdall.SubmitAsync(
            Cluster, RunningHeimdall.Batch("do $$ begin loop perform pg_sleep(0.1); end loop; end $$"), "respond-async",
            cancellationToken);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, sizes.Watchers).Select(async number =>
            {
                var request = new LoadRequest($"{RunningHeimdall.JobPath}/{job["id"]}/events")
                {
                    Headers = [("X-Heimdall-User", $"watcher-{number / WatchersPerCaller}")],
                };
                using var message = request.ToMessage();
                using var reply = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                Check(reply, "a watcher");
                await reply.Content.CopyToAsync(Stream.Null, cancellationToken);
            }));
        }
        finally
        {
            using var cancel = new HttpRequestMessage(
                HttpMethod.Post, new Uri($"{RunningHeimdall.JobPath}/{job["id"]}/cancel", UriKind.Relative));
            using var reply = await client.SendAsync(cancel, CancellationToken.None);
        }
    }

    private static async Task FloodAsync(
        Bench bench, RunningHeimdall heimdall, Sizes sizes, CancellationToken cancellationToken)
    {
        var context = new JsonObject { ["query"] = "select 1", ["return_result"] = true };
        var request = new LoadRequest(RunningHeimdall.JobPath, RunningHeimdall.JobOf(Cluster, context).ToJsonString());
        await Wrk.RunAsync(
            new LoadTarget(heimdall.Address, [request], "\"row_count\":1,", heimdall.ApiProcessId), Floods,
            sizes.Seconds + (int)(2 * Settle.TotalSeconds), cancellationToken);
    }

    private static void Check(HttpResponseMessage reply, string whose)
    {
        if (!reply.IsSuccessStatusCode)
        {
            throw new BenchmarkException($"The reply to {whose} is {(int)reply.StatusCode}.");
        }
    }

    private static async Task<string> EndedAsync(RunningHeimdall heimdall)
    {
        var job = await heimdall.RunQueuedAsync(
            Cluster, RunningHeimdall.Batch("select 1"), "wait=60", CancellationToken.None);
        return $"{job["id"]}";
    }

    private static Task<BenchDatabase> NotesAsync(Bench bench, CancellationToken cancellationToken) =>
        bench.SharedAsync("notes", async () =>
        {
            var database = await bench.Server.CreateDatabaseAsync(Cluster, cancellationToken);
            await database.ExecuteAsync(NotesSql, cancellationToken);
            await database.ExecuteAsync("vacuum (analyze) note", cancellationToken);
            return database;
        });

    private static async Task<RunningHeimdall> StartAsync(Bench bench, CancellationToken cancellationToken)
    {
        var target = await NotesAsync(bench, cancellationToken);
        var setup = new HeimdallSetup
        {
            Clusters = new Dictionary<string, string> { [Cluster] = target.ConnectionString },
            SqlDirectory = bench.Folder,
            MaxInline = 2 * Floods,
        };
        return await RunningHeimdall.StartAsync(bench.Server, setup, cancellationToken);
    }

    /// <param name="Seconds">Of each load.</param>
    /// <param name="WarmUpSeconds">Before the first round.</param>
    /// <param name="SlowReaders">That read at once.</param>
    /// <param name="SlowRows">That each of them asks for.</param>
    /// <param name="Watchers">Of one job.</param>
    private sealed record Sizes(int Seconds, int WarmUpSeconds, int SlowReaders, int SlowRows, int Watchers);
}
