using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Clients;
using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary><c>lists</c>: pages of a long history of jobs, beside those of a short one.</summary>
internal static class ListsSuite
{
    private const string Rest = RunningHeimdall.JobsPath + "?";
    private const string Dashboard = "/hangfire/sql/jobs?";

    // A tenth failed. Callers, tags and names are so many that a page of each has to pass over others.
    private const string FillSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
            cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at, started_at, finished_at, updated_at, attempt,
            worker, error, error_kind, errors, statements)
        select gen_random_uuid(), 'job-' || n % 100, '1', '', array['team:' || n % 20, 'kind:' || n % 5], 'user-' || n % 50,
            case when n % 10 = 3 then 'FAILED' when n % 100 = 1 then 'CANCELED' else 'SUCCEEDED' end, false, false,
            case when n % 2 = 0 then 'load' else 'report' end, 'command', 'cluster-' || n % 5, 'cluster', '{type:postgres}', '{type:postgres}',
            json_build_object('query', 'insert into target_' || n % 50 || ' select * from source where day = current_date - ' || n),
            at, at, at + interval '300 ms', at + interval '300 ms', 1, 'host:1',
            case when n % 10 = 3 then 'division by zero' end, case when n % 10 = 3 then 'Sql' end,
            case when n % 10 = 3 then '[{"statement": 1, "line": 1, "sql_state": "22012", "message": "division by zero"}]'::json end, 1
        from (select n, timestamptz '2026-01-01' + n * interval '1 second' as at from generate_series(1, {jobs}) n) numbers
        """;

    public static Suite Suite { get; } = new(
        "lists",
        "pages of a million jobs, against those of ten thousand",
        """
        Fills two stores with jobs that have ended, ten thousand and a million, and has wrk ask for pages of them in turns, one caller
        with request after request, over REST and in the dashboard. A history that is a hundred times as long is to cost hardly more.
        """,
        Gigabytes: 3,
        Settings: quick => [$"shared_buffers={(quick ? "256MB" : "2GB")}", "max_wal_size=4GB"],
        Rows: quick => quick ? Rows(few: 500, many: 5_000, seconds: 1) : Rows(few: 10_000, many: 1_000_000, seconds: 2));

    private static Row[] Rows(int few, int many, int seconds)
    {
        Row Page(string name, string path, bool isDeep = false) => new(
            name, $"{path.TrimEnd('?')}{(isDeep ? ", from the middle of the history on" : "")}; {many:N0} jobs and {few:N0}",
            Goal.RatioAtMost(1.5), (bench, token) => MeasureAsync(bench, name, path, isDeep, few, many, seconds, token));
        return
        [
            Page("first", Rest),
            Page("deep", Rest, isDeep: true),
            Page("failed", Rest + "status=FAILED"),
            Page("failed-deep", Rest + "status=FAILED", isDeep: true),
            Page("user", Rest + "user=user-7"),
            Page("user-deep", Rest + "user=user-7", isDeep: true),
            Page("tag", Rest + "tag=team:7"),
            Page("tag-deep", Rest + "tag=team:7", isDeep: true),
            Page("command-cluster", Rest + "command=load&cluster=cluster-3"),
            Page("running", Rest + "status=RUNNING"),
            Page("text", Rest + "text=nowhere-to-be-found"),
            Page("page-first", Dashboard),
            Page("page-deep", Dashboard, isDeep: true),
            Page("page-failed", Dashboard + "status=FAILED"),
        ];
    }

    private static async Task<IReadOnlyList<Series>> MeasureAsync(
        Bench bench, string row, string path, bool isDeep, int few, int many, int seconds, CancellationToken cancellationToken)
    {
        async Task<Contender> PlanAsync(int jobs)
        {
            var history = await bench.SharedAsync($"{jobs}", () => JobHistory.CreateAsync(bench, jobs, cancellationToken));
            var mark = path.StartsWith(Dashboard, StringComparison.Ordinal) ? "</html>" : "\"has_more\"";
            var request = new LoadRequest((isDeep ? $"{path}&cursor={history.Middle}" : path).Replace("?&", "?", StringComparison.Ordinal).TrimEnd('?'));
            var target = new LoadTarget(history.Heimdall.Address, [request], mark, history.Heimdall.ApiProcessId);
            async Task<IReadOnlyList<Figure>> RunAsync()
            {
                var figures = await Wrk.RunAsync(target, connections: 1, seconds, cancellationToken);
                return [figures.Single(figure => figure.Name == Wrk.P99), .. figures.Where(figure => figure.Name != Wrk.P99)];
            }
            return new Contender($"{jobs:N0} jobs", _ => RunAsync()) { PrepareAsync = RunAsync };
        }
        return await bench.InTurnsAsync(row, await PlanAsync(many), await PlanAsync(few));
    }

    /// <summary>A Heimdall with a history of jobs that have ended, one a second.</summary>
    /// <param name="Heimdall">With the jobs in its store.</param>
    /// <param name="Target">Its only cluster.</param>
    /// <param name="Middle">The cursor of a list that has been read to the middle.</param>
    private sealed record JobHistory(RunningHeimdall Heimdall, BenchDatabase Target, string Middle) : IAsyncDisposable
    {
        public static async Task<JobHistory> CreateAsync(Bench bench, int jobs, CancellationToken cancellationToken)
        {
            await Console.Error.WriteLineAsync($"making a history of {jobs} jobs …");
            var target = await bench.Server.CreateDatabaseAsync($"lists_{jobs}", cancellationToken);
            var setup = new HeimdallSetup { Clusters = new Dictionary<string, string> { ["target"] = target.ConnectionString }, SqlDirectory = bench.Folder };
            var heimdall = await RunningHeimdall.StartAsync(bench.Server, setup, cancellationToken);
            await heimdall.Store.ExecuteAsync(FillSql.Replace("{jobs}", $"{jobs}", StringComparison.Ordinal), cancellationToken);
            await heimdall.Store.ExecuteAsync("vacuum (analyze) heimdall.job", cancellationToken);
            var middle = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(jobs / 2);
            var path = $"{Rest}limit=1&created_before={middle.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}";
            var page = await heimdall.Client.GetFromJsonAsync<JsonObject>(new Uri(path, UriKind.Relative), cancellationToken);
            await bench.Server.CheckpointAsync(cancellationToken);
            return new JobHistory(heimdall, target, page?["next_cursor"]?.GetValue<string>() ?? throw new BenchmarkException("The list has no middle."));
        }

        public async ValueTask DisposeAsync()
        {
            await Heimdall.DisposeAsync();
            await Target.DisposeAsync();
        }
    }
}
