using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;
using Heimdall.Benchmarks.Suites;
using Npgsql;

namespace Heimdall.Benchmarks.Queries;

/// <summary><c>queries</c>: queries over HTTP, against psql and a bare handler.</summary>
internal static class QueriesSuite
{
    private const int Gigabytes = 6; // the table, a stored result of it, what sorts and joins spill, and the log that the server may keep
    private const int QuickGigabytes = 1;

    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = QueriesOptions.Parse(args);
        if (options.WantsHelp)
        {
            Console.Write(QueriesOptions.Help);
            return 0;
        }
        using var work = new WorkFolder(options.Work);
        work.RequireSpace(options.Quick ? QuickGigabytes : Gigabytes);
        await using var server = await PostgresServer.StartAsync(work.PathOf($"postgres-{Environment.ProcessId}"), SettingsFor(options), cancellationToken);
        await using var database = await QueryTable.CreateAsync(server, options.Sizes.Rows, cancellationToken);
        var bench = new QueryBench(server, database, work.FullPath, options.Sizes, options.RoundCount);

        await using var awake = AwakeProcessors.Start();
        var results = new List<QueryResult>();
        foreach (var row in Rows(bench).Where(row => options.Wants(row.Name)))
        {
            results.Add(await MeasureAsync(row, cancellationToken));
        }
        Console.WriteLine(await SuiteHeading.OfAsync(server, options, "a small table and short loads", awake.TakesTime, cancellationToken));
        Print(results);
        return results.TrueForAll(result => result.Failure is null) ? 0 : 1;
    }

    /// <summary>Enough memory that the table is never read from a disk, and connections for everyone who is compared.</summary>
    private static string[] SettingsFor(QueriesOptions options) =>
        [$"shared_buffers={(options.Quick ? "256MB" : "2GB")}", "max_wal_size=8GB", "max_connections=300"];

    private static IEnumerable<QueryRow> Rows(QueryBench bench) =>
    [
        .. new Transfers(bench).Plan(),
        .. new FirstByte(bench).Plan(),
        .. new QueryMemory(bench).Plan(),
        .. new QueryLoad(bench).Plan(),
        .. new QueryCallers(bench).Plan(),
    ];

    private static async Task<QueryResult> MeasureAsync(QueryRow row, CancellationToken cancellationToken)
    {
        try
        {
            return new QueryResult(row, await row.MeasureAsync(cancellationToken), Failure: null);
        }
        catch (Exception e) when (e is BenchmarkException or NpgsqlException)
        {
            await Console.Error.WriteLineAsync($"{row.Name}: failed: {e.Message}");
            return new QueryResult(row, Outcome: null, e.Message);
        }
    }

    private static void Print(List<QueryResult> results)
    {
        Console.WriteLine($"\n{QueriesReport.OfRows(results)}");
        if (QueriesReport.OfTransfers(results) is { } transfers)
        {
            Console.WriteLine($"All rows, read by psql into /dev/null and by {FastReader.Name}:\n\n{transfers}");
        }
        if (QueriesReport.OfLoads(results) is { } loads)
        {
            Console.WriteLine($"Requests over connections that stay open:\n\n{loads}");
        }
        foreach (var result in results.Where(result => result.Failure is not null))
        {
            Console.WriteLine($"failed: {result.Row.Name}: {result.Failure}");
        }
    }
}
