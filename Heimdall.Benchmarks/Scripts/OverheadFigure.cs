using Heimdall.Benchmarks.Executors;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;
using Npgsql;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>
/// What it costs to record all that a job tells of itself: the same script with a real monitor and with one that forgets. Both ask for
/// the transaction's xid, in two short queries before the script's first statement.
/// </summary>
internal sealed class OverheadFigure(PostgresServer server, InputFolder inputs, int rounds)
{
    private const double Goal = 0.03;

    public async Task<Figure> MeasureAsync(ScriptRow row, CancellationToken cancellationToken)
    {
        await inputs.EnsureAsync(row.Input, cancellationToken);
        var figure = new Figure($"progress, log and status, {row.Title}", "<= 3 %", "");
        var (recorded, forgotten) = (new List<double>(), new List<double>());
        try
        {
            await using var executor = await ExecutorProcess.StartAsync(server, inputs, row.ContextOf, cancellationToken);
            for (var round = 1; round <= rounds; round++)
            {
                foreach (var isRecorded in round % 2 == 1 ? [true, false] : new[] { false, true })
                {
                    (isRecorded ? recorded : forgotten).Add(await RunAsync(executor, row, isRecorded, round, cancellationToken));
                }
            }
        }
        catch (Exception e) when (e is BenchmarkException or NpgsqlException)
        {
            return figure.Failed(e.Message);
        }
        var (with, without) = (Timings.Of(recorded)!, Timings.Of(forgotten)!);
        var overhead = (with.Median / without.Median) - 1;
        return figure with
        {
            Value = FormattableString.Invariant($"{overhead * 100:0.0} % of medians, {((with.Min / without.Min) - 1) * 100:0.0} % of minima ({with} s with, {without} s without)"),
            IsMet = overhead <= Goal,
        };
    }

    private async Task<double> RunAsync(ExecutorProcess executor, ScriptRow row, bool isRecorded, int round, CancellationToken cancellationToken)
    {
        var kind = isRecorded ? "recorded" : "forgotten";
        await using var database = await server.CreateDatabaseAsync(RowMeasurement.LabelOf($"{ScriptRows.Overhead}_{kind}", row, "awake", round), cancellationToken);
        await database.ExecuteAsync(row.Input.Setup, cancellationToken);
        await server.CheckpointAsync(cancellationToken);
        var reply = await executor.RunAsync(new(database.ConnectionString, row.ContextOf(row.Input), isRecorded), cancellationToken);
        await Console.Error.WriteLineAsync(FormattableString.Invariant($"{ScriptRows.Overhead}, {row.Name}, {kind}: {reply.Seconds:0.000} s"));
        return reply.Seconds;
    }
}
