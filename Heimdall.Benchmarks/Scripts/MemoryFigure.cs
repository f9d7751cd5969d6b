using Heimdall.Benchmarks.Executors;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;
using Npgsql;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>The memory that a script takes of a worker: bounded by its longest statement, and not by its size.</summary>
internal sealed class MemoryFigure(PostgresServer server, InputFolder inputs)
{
    private const long Allowance = 64 * 1024 * 1024;
    private const int StatementsHeld = 4;

    public async Task<Figure> MeasureAsync(Input input, CancellationToken cancellationToken)
    {
        await inputs.EnsureAsync(input, cancellationToken);
        var goal = Allowance + (StatementsHeld * await LongestLineAsync(inputs.PathOf(input), cancellationToken));
        var figure = new Figure(
            $"memory above the idle worker, {input.Title}",
            FormattableString.Invariant($"<= {goal / Cell.Megabyte:0.0} MB (64 MB + 4 x the longest statement)"),
            "not measured: only Linux tells");
        try
        {
            return await RunAsync(input, cancellationToken) is { } bytes
                ? figure with { Value = FormattableString.Invariant($"{bytes / Cell.Megabyte:0.0} MB"), IsMet = bytes <= goal }
                : figure;
        }
        catch (Exception e) when (e is BenchmarkException or NpgsqlException)
        {
            return figure.Failed(e.Message);
        }
    }

    private async Task<long?> RunAsync(Input input, CancellationToken cancellationToken)
    {
        var row = new ScriptRow(ScriptRows.Memory, input, IsSingle: true, Goal: 0);
        await using var executor = await ExecutorProcess.StartAsync(server, inputs, row.ContextOf, cancellationToken);
        await using var database = await server.CreateDatabaseAsync(ScriptRows.Memory, cancellationToken);
        await database.ExecuteAsync(input.Setup, cancellationToken);
        var reply = await executor.RunAsync(new(database.ConnectionString, row.ContextOf(input), IsTrimmed: true), cancellationToken);
        await Console.Error.WriteLineAsync(FormattableString.Invariant($"{ScriptRows.Memory}: {input.Title} {reply.Seconds:0.000} s"));
        return reply.PeakBytes - reply.IdleBytes;
    }

    /// <summary>Each statement of these scripts is a line.</summary>
    private static async Task<long> LongestLineAsync(string file, CancellationToken cancellationToken)
    {
        long longest = 0;
        await foreach (var line in File.ReadLinesAsync(file, cancellationToken))
        {
            longest = Math.Max(longest, line.Length);
        }
        return longest;
    }
}
