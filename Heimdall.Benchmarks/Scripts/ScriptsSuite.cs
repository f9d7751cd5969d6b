using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;
using Heimdall.Benchmarks.Suites;

namespace Heimdall.Benchmarks.Scripts;

/// <summary><c>scripts</c>: script files, run by psql, by Heimdall's executor and by a worker.</summary>
internal sealed class ScriptsSuite
{
    private const string Awake = "awake";
    private const string Idle = "idle";

    private readonly ScriptsOptions _options;
    private readonly PostgresServer _server;
    private readonly InputFolder _inputs;
    private readonly ScriptRows _rows;
    private readonly IReadOnlyList<ScriptRow> _wanted;
    private bool _takesTime;

    private ScriptsSuite(ScriptsOptions options, WorkFolder work, PostgresServer server)
    {
        _options = options;
        _server = server;
        _inputs = new InputFolder(work.PathOf("inputs"));
        _rows = new ScriptRows(server, options.Quick);
        _wanted = [.. _rows.All.Where(row => options.Wants(row.Name))];
    }

    private IEnumerable<string> Modes => _options.Idle ? [Awake, Idle] : [Awake];

    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = ScriptsOptions.Parse(args);
        if (options.WantsHelp)
        {
            Console.Write(ScriptsOptions.Help);
            return 0;
        }
        using var work = new WorkFolder(options.Work);
        work.RequireSpace(GigabytesFor(options));
        await using var server = await PostgresServer.StartAsync(work.PathOf($"postgres-{Environment.ProcessId}"), SettingsFor(options), cancellationToken);
        return await new ScriptsSuite(options, work, server).RunAsync(cancellationToken) ? 0 : 1;
    }

    /// <summary>Scripts, the largest database, and the log that the server may keep.</summary>
    private static int GigabytesFor(ScriptsOptions options) =>
        options.Quick ? 2 : (PostgresServer.External is null ? 12 : 1) + (options.Big ? 5 : 0);

    /// <summary>Enough that neither the cache nor a checkpoint is what is measured; what makes a commit durable stays as it is.</summary>
    private static string[] SettingsFor(ScriptsOptions options) =>
        [$"shared_buffers={(options.Quick ? "256MB" : "2GB")}", "max_wal_size=8GB"];

    private async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var results = new Dictionary<string, List<RowResult>>();
        await using (var heimdall = await StartHeimdallAsync(cancellationToken))
        {
            foreach (var mode in Modes)
            {
                results[mode] = await MeasureRowsAsync(mode, heimdall is null ? null : new JobContender(heimdall), cancellationToken);
            }
        }
        var figures = await MeasureFiguresAsync(cancellationToken);

        await PrintAsync(results, figures, cancellationToken);
        var failures = ScriptsReport.Failures(results.Values.SelectMany(rows => rows)).ToArray();
        foreach (var failure in failures)
        {
            Console.WriteLine($"failed: {failure}");
        }
        return failures.Length == 0 && !figures.Any(figure => figure.IsFailed);
    }

    private async Task<RunningHeimdall?> StartHeimdallAsync(CancellationToken cancellationToken)
    {
        if (!_options.EndToEnd || _wanted.Count == 0)
        {
            return null;
        }
        var labels =
            from row in _wanted
            from mode in Modes
            from round in Enumerable.Range(1, _options.RoundCount)
            select RowMeasurement.LabelOf(JobContender.Label, row, mode, round);
        return await RunningHeimdall.StartAsync(_server, _inputs, labels, cancellationToken);
    }

    private async Task<List<RowResult>> MeasureRowsAsync(string mode, JobContender? job, CancellationToken cancellationToken)
    {
        foreach (var row in _wanted)
        {
            await _inputs.EnsureAsync(row.Input, cancellationToken);
        }
        await using var awake = mode == Awake ? AwakeProcessors.Start() : null;
        _takesTime |= awake is { TakesTime: true };
        await using var executor = new ExecutorContender(_server, _inputs);
        var psql = new PsqlContender(_server, _inputs);
        await using var measurement = new RowMeasurement(_server, _options.RoundCount);
        var results = new List<RowResult>();
        foreach (var row in _wanted)
        {
            results.Add(await measurement.RunAsync(row, mode, psql, executor, job, cancellationToken));
        }
        return results;
    }

    private async Task<List<Figure>> MeasureFiguresAsync(CancellationToken cancellationToken)
    {
        await using var awake = AwakeProcessors.Start();
        _takesTime |= awake.TakesTime;
        var figures = new List<Figure>();
        if (_options.Wants(ScriptRows.Overhead))
        {
            var overhead = new OverheadFigure(_server, _inputs, _options.RoundCount);
            foreach (var row in _wanted.Count > 0 ? _wanted : _rows.All)
            {
                figures.Add(await overhead.MeasureAsync(row, cancellationToken));
            }
        }
        if (_options.Wants(ScriptRows.Memory))
        {
            foreach (var input in _options.Big ? [_rows.Large, _rows.Huge] : new[] { _rows.Large })
            {
                figures.Add(await new MemoryFigure(_server, _inputs).MeasureAsync(input, cancellationToken));
            }
        }
        return figures;
    }

    private async Task PrintAsync(Dictionary<string, List<RowResult>> results, List<Figure> figures, CancellationToken cancellationToken)
    {
        Console.WriteLine(await SuiteHeading.OfAsync(_server, _options, "small scripts", _takesTime, cancellationToken));
        foreach (var (mode, rows) in results.Where(pair => pair.Value.Count > 0))
        {
            Console.WriteLine($"\nProcessors {(mode == Awake ? "kept awake" : "left to fall asleep")}:\n\n{ScriptsReport.OfRows(rows, hasGoals: mode == Awake)}");
            if (rows[0].Job is not null)
            {
                Console.WriteLine($"As a job of a worker, end to end:\n\n{ScriptsReport.OfJobs(rows)}");
            }
        }
        if (figures.Count > 0)
        {
            Console.WriteLine(ScriptsReport.OfFigures(figures));
        }
    }
}
