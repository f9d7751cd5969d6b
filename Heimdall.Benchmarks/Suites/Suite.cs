using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;
using Npgsql;

namespace Heimdall.Benchmarks.Suites;

/// <summary>Something that is measured.</summary>
/// <param name="Name">For --only.</param>
/// <param name="Title">What it is, with what it is compared.</param>
/// <param name="Goal">What should come out.</param>
/// <param name="MeasureAsync">Measures it: Heimdall's series first, then that of the one that the goal compares it with.</param>
internal sealed record Row(string Name, string Title, Goal Goal, Func<Bench, CancellationToken, Task<IReadOnlyList<Series>>> MeasureAsync)
{
    /// <summary>True for one that is measured only when it is named.</summary>
    public bool OnlyIfNamed { get; init; }
}

/// <summary>A suite: a list of rows, and what they need.</summary>
/// <param name="Name">As it is typed.</param>
/// <param name="Summary">One line.</param>
/// <param name="Help">What it does.</param>
/// <param name="Gigabytes">Of space that it may need.</param>
/// <param name="Settings">Of a private server; takes whether the run is a quick one.</param>
/// <param name="Rows">Takes whether the run is a quick one.</param>
internal sealed record Suite(
    string Name, string Summary, string Help, int Gigabytes, Func<bool, IReadOnlyList<string>> Settings, Func<bool, IReadOnlyList<Row>> Rows)
{
    private const int QuickGigabytes = 2;

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(IEnumerable<string> args, CancellationToken cancellationToken)
    {
        var names = Rows(false).Select(row => row.Name).Distinct().ToArray();
        var options = SuiteOptions.Parse(args, Name, names);
        if (options.WantsHelp)
        {
            Console.Write($"usage: dotnet run -c Release --project Heimdall.Benchmarks -- {Name} [options]\n\n{Help}\n\n{SuiteOptions.Help}\n");
            Console.WriteLine(string.Join('\n', Rows(false).Select(row => $"  {row.Name,-22} {row.Title}{(row.OnlyIfNamed ? " (only if named)" : "")}")));
            return 0;
        }
        using var work = new WorkFolder(options.Work, options.Quick ? QuickGigabytes : Gigabytes);
        var directory = Path.Combine(work.FullPath, $"postgres-{Environment.ProcessId}");
        await using var server = await PostgresServer.StartAsync(directory, Settings(options.Quick), cancellationToken);
        await using var bench = new Bench(server, work.FullPath, options);
        await using var awake = options.Idle ? null : AwakeProcessors.Start();
        var measured = new List<MeasuredRow>();
        foreach (var row in Rows(options.Quick).Where(row => options.Only.Count == 0 ? !row.OnlyIfNamed : options.Only.Contains(row.Name)))
        {
            measured.Add(new MeasuredRow(row.Name, row.Title, row.Goal, await MeasureAsync(row, bench, cancellationToken)));
        }
        Console.WriteLine($"{await server.DescribeAsync(cancellationToken)}; {Environment.ProcessorCount} processors"
            + $"{(options.Idle ? ", which may fall asleep" : "")}, rounds: {options.RoundCount}"
            + (options.Quick ? "; small inputs and short loads, which measure nothing" : "")
            + (awake is { TakesTime: true } ? "; sched_autogroup_enabled is 1, so what keeps the processors awake takes time from what is measured" : ""));
        Console.WriteLine($"\n{MeasuredTable.Of(measured)}");
        return MeasuredTable.HasFailures(measured) ? 1 : 0;
    }

    private static async Task<IReadOnlyList<Series>> MeasureAsync(Row row, Bench bench, CancellationToken cancellationToken)
    {
        try
        {
            return await row.MeasureAsync(bench, cancellationToken);
        }
        catch (Exception e) when (e is BenchmarkException or NpgsqlException)
        {
            await Console.Error.WriteLineAsync($"{row.Name}: {e.Message}");
            var series = new Series("Heimdall");
            series.Fail(e as BenchmarkException ?? new BenchmarkException(e.Message, e));
            return [series];
        }
    }
}
