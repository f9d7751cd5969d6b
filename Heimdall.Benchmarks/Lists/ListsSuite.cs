using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;
using Heimdall.Benchmarks.Suites;

namespace Heimdall.Benchmarks.Lists;

/// <summary><c>lists</c>: pages of a long history of jobs, beside those of a short one.</summary>
internal static class ListsSuite
{
    private const int Gigabytes = 3;
    private const int QuickGigabytes = 1;
    private const double Goal = 1.5;
    private const double Rare = 0.99;

    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = ListsOptions.Parse(args);
        if (options.WantsHelp)
        {
            Console.Write(ListsOptions.Help);
            return 0;
        }
        using var work = new WorkFolder(options.Work);
        work.RequireSpace(options.Quick ? QuickGigabytes : Gigabytes);
        string[] settings = [$"shared_buffers={(options.Quick ? "256MB" : "2GB")}", "max_wal_size=4GB"];
        await using var server = await PostgresServer.StartAsync(work.PathOf($"postgres-{Environment.ProcessId}"), settings, cancellationToken);
        await using var few = await JobHistory.CreateAsync(server, "few", options.FewJobs, work.FullPath, cancellationToken);
        await using var many = await JobHistory.CreateAsync(server, "many", options.ManyJobs, work.FullPath, cancellationToken);
        await server.CheckpointAsync(cancellationToken);

        await using var awake = AwakeProcessors.Start();
        var table = new TextTable("page", $"p50 ms, {few.Name}", $"p50 ms, {many.Name}", $"p99 ms, {few.Name}", $"p99 ms, {many.Name}", "ratio of p99", $"goal: {Goal} at most");
        foreach (var row in ListRow.All.Where(row => options.Wants(row.Name)))
        {
            await Console.Error.WriteLineAsync($"{row.Name} …");
            AddTo(table, row, await MeasureAsync(row, few, many, options, cancellationToken));
        }
        Console.WriteLine(await SuiteHeading.OfAsync(server, options, "short histories and loads", awake.TakesTime, cancellationToken));
        Console.WriteLine($"\nOne caller, request after request; medians over the rounds:\n\n{table}");
        return 0;
    }

    private static async Task<List<(LoadRun Few, LoadRun Many)>> MeasureAsync(
        ListRow row, JobHistory few, JobHistory many, ListsOptions options, CancellationToken cancellationToken)
    {
        // The first round warms both up and is not kept.
        var rounds = new List<(LoadRun, LoadRun)>();
        for (var round = 0; round <= options.RoundCount; round++)
        {
            var ofFew = await LoadGenerator.RunAsync(few.Ask(row), connections: 1, options.LoadTime, cancellationToken);
            var ofMany = await LoadGenerator.RunAsync(many.Ask(row), connections: 1, options.LoadTime, cancellationToken);
            if (round > 0)
            {
                rounds.Add((ofFew, ofMany));
            }
        }
        return rounds;
    }

    private static void AddTo(TextTable table, ListRow row, List<(LoadRun Few, LoadRun Many)> rounds)
    {
        double Median(Func<(LoadRun Few, LoadRun Many), double> figure) => Timings.Of(rounds.Select(figure))!.Median;
        var ratio = Median(round => round.Many.Quantile(Rare) / round.Few.Quantile(Rare));
        table.Add(
            row.Name, Cell.Of(Median(round => round.Few.Quantile(0.5))), Cell.Of(Median(round => round.Many.Quantile(0.5))),
            Cell.Of(Median(round => round.Few.Quantile(Rare))), Cell.Of(Median(round => round.Many.Quantile(Rare))), Cell.Of(ratio), Cell.OfGoal(ratio <= Goal));
    }
}
