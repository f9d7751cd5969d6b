using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Lists;

/// <summary>A Heimdall with a history of jobs that have ended, one a second.</summary>
internal sealed class JobHistory : IAsyncDisposable
{
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

    private readonly RunningHeimdall _heimdall;
    private readonly BenchDatabase _target;
    private readonly string _cursor;

    private JobHistory(string name, RunningHeimdall heimdall, BenchDatabase target, string cursor) =>
        (Name, _heimdall, _target, _cursor) = (name, heimdall, target, cursor);

    public string Name { get; }

    public static async Task<JobHistory> CreateAsync(PostgresServer server, string label, int jobs, string work, CancellationToken cancellationToken)
    {
        await Console.Error.WriteLineAsync($"making a history of {jobs} jobs …");
        var target = await server.CreateDatabaseAsync(label, cancellationToken);
        RunningHeimdall? heimdall = null;
        try
        {
            heimdall = await RunningHeimdall.StartAsync(server, work, target, cancellationToken);
            await heimdall.Store.ExecuteAsync(FillSql.Replace("{jobs}", jobs.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), cancellationToken);
            await heimdall.Store.ExecuteAsync("vacuum (analyze) heimdall.job", cancellationToken);
            var middle = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(jobs / 2);
            return new JobHistory($"{jobs} jobs", heimdall, target, await FindCursorAsync(heimdall.Address, middle, cancellationToken));
        }
        catch
        {
            await (heimdall?.DisposeAsync() ?? ValueTask.CompletedTask);
            await target.DisposeAsync();
            throw;
        }
    }

    public LoadTarget Ask(ListRow row)
    {
        var path = row.IsDeep ? $"{row.Path}&cursor={_cursor}" : row.Path;
        var request = new RawRequest { Address = _heimdall.Address, Path = path.Replace("?&", "?", StringComparison.Ordinal).TrimEnd('?') };
        return new LoadTarget(Name, _heimdall.Address, [request.ToBytes()], row.Mark, _heimdall.ApiProcessId);
    }

    public async ValueTask DisposeAsync()
    {
        await _heimdall.DisposeAsync();
        await _target.DisposeAsync();
    }

    /// <summary>Where a list stands that has been read to the middle.</summary>
    private static async Task<string> FindCursorAsync(Uri address, DateTime middle, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = address };
        var path = $"/api/v1/jobs?limit=1&created_before={middle.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}";
        var page = await client.GetFromJsonAsync<JsonObject>(new Uri(path, UriKind.Relative), cancellationToken);
        return page?["next_cursor"]?.GetValue<string>() ?? throw new BenchmarkException("The list has no middle.");
    }
}
