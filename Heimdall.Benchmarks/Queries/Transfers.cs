using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Queries;

/// <summary>How long all rows of the table take.</summary>
internal sealed class Transfers(QueryBench bench)
{
    private const double JsonGoal = 0.8;
    private const double CsvGoal = 1.1;
    private const double StoredGoal = 1.1;

    private int Rows => bench.Sizes.Rows;

    public IReadOnlyList<QueryRow> Plan() =>
    [
        new(QueryRow.Json, $"{Rows:N0} rows as JSON; psql --csv", GoalOf(JsonGoal), token => RunAsync(
            QueryRow.Json, JsonGoal, heimdall => Inline(heimdall, QueryFormat.Inline), _ => Psql("--csv", "--command", MeasuredSql.All), token)),
        new(QueryRow.Csv, $"{Rows:N0} rows as CSV; psql, COPY TO STDOUT", GoalOf(CsvGoal), token => RunAsync(
            QueryRow.Csv, CsvGoal, heimdall => Inline(heimdall, QueryFormat.Csv), _ => Psql("--command", $"copy ({MeasuredSql.All}) to stdout (format csv)"), token)),
        new(QueryRow.NdJson, $"{Rows:N0} rows as NDJSON; as JSON", Cell.Nothing, token => RunAsync(
            QueryRow.NdJson, goal: null, heimdall => Inline(heimdall, QueryFormat.NdJson), heimdall => Inline(heimdall, QueryFormat.Inline), token)),
        StoredAs(QueryFormat.Stored, QueryFormat.Inline),
        StoredAs(QueryFormat.Csv, QueryFormat.Csv),
    ];

    private static string GoalOf(double ratio) => FormattableString.Invariant($"<= {ratio:0.00}");

    private QueryRow StoredAs(QueryFormat stored, QueryFormat inline) => new(
        QueryRow.Stored, $"{Rows:N0} stored rows as {stored.Name}; inline", GoalOf(StoredGoal), token => RunAsync(
            QueryRow.Stored, StoredGoal, heimdall => StoreAsync(heimdall, stored, token), heimdall => Inline(heimdall, inline), token));

    private Task<ITransfer> Inline(RunningHeimdall heimdall, QueryFormat format) =>
        Task.FromResult<ITransfer>(new HttpTransfer($"inline {format.Name}", format, format.Ask(bench.RequestOf(heimdall, MeasuredSql.All)), Rows));

    private async Task<ITransfer> StoreAsync(RunningHeimdall heimdall, QueryFormat format, CancellationToken cancellationToken)
    {
        var job = await heimdall.RunQueuedAsync(bench.Database.Label, MeasuredSql.ContextOf(MeasuredSql.All), "respond-async, wait=60", cancellationToken);
        var request = new RawRequest { Address = heimdall.Address, Path = $"{JobRequest.Path}/{job["id"]}/result" };
        return new HttpTransfer($"stored {format.Name}", format, format.Ask(request), Rows);
    }

    private Task<ITransfer> Psql(params IEnumerable<string> arguments) =>
        Task.FromResult<ITransfer>(new PsqlTransfer(bench.Server, bench.Database, arguments));

    private async Task<QueryOutcome> RunAsync(
        string row, double? goal, Func<RunningHeimdall, Task<ITransfer>> ours, Func<RunningHeimdall, Task<ITransfer>> rival, CancellationToken cancellationToken)
    {
        await using var heimdall = await bench.StartHeimdallAsync(cancellationToken);
        ITransfer[] contenders = [await rival(heimdall), await ours(heimdall)];
        foreach (var contender in contenders)
        {
            await contender.PrepareAsync(cancellationToken);
        }
        var server = await ServerCpu.FindAsync(bench.Database, cancellationToken);
        var runs = await Turns.RunAsync(contenders, bench.Rounds, async (contender, round) =>
        {
            var (api, backends) = (ProcessCpu.Of(heimdall.ApiProcessId), server.ReadSeconds());
            var run = await contender.RunAsync(cancellationToken);
            await QueryBench.NoteAsync(row, $"round {round} of {bench.Rounds}: {contender.Name} {run.Seconds:0.000} s");
            return run with { ApiCpuSeconds = ProcessCpu.Of(heimdall.ApiProcessId) - api, ServerCpuSeconds = server.ReadSeconds() - backends };
        });
        var medians = runs.Select(all => Timings.Of(all.Select(run => run.Seconds))!.Median).ToArray();
        var ratio = medians[1] / medians[0];
        return new QueryOutcome(FormattableString.Invariant($"{medians[1]:0.000} s"), goal is null ? null : ratio <= goal)
        {
            Rival = FormattableString.Invariant($"{medians[0]:0.000} s"),
            Ratio = ratio,
            Transfers = [.. contenders.Zip(runs, (contender, all) => new TransferSeries(contender.Name, Rows, all))],
        };
    }
}
