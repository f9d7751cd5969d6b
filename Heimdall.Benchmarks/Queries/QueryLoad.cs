using System.Text;
using System.Text.Json;
using Heimdall.Benchmarks.Bare;
using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>How many short queries are answered, and how fast, beside what a bare handler does.</summary>
internal sealed class QueryLoad(QueryBench bench)
{
    private const int Connections = 32;
    private const int Lookups = 1024;
    private const int Seed = 42;
    private const double ShareGoal = 0.5;
    private const double AddedGoal = 0.4;

    public IReadOnlyList<QueryRow> Plan() =>
    [
        new(QueryRow.SelectMany, $"requests a second, '{MeasuredSql.One}', {Connections} connections; bare handler", FormattableString.Invariant($">= {ShareGoal:0.00}"),
            token => RunAsync(QueryRow.SelectMany, Connections, SelectOf, BareSelectOf, CompareRates, token)),
        new(QueryRow.SelectOne, $"median latency, '{MeasuredSql.One}', 1 connection; bare handler", FormattableString.Invariant($"<= {AddedGoal:0.0} ms more"),
            token => RunAsync(QueryRow.SelectOne, connections: 1, SelectOf, BareSelectOf, CompareLatencies, token)),
        new(QueryRow.Lookup, $"requests a second, lookups by key, {Connections} connections; bare handler", FormattableString.Invariant($">= {ShareGoal:0.00}"),
            token => RunAsync(QueryRow.Lookup, Connections, LookupsOf, BareLookupsOf, CompareRates, token)),
    ];

    private static QueryOutcome CompareRates(LoadSeries ours, LoadSeries bare)
    {
        var (rate, rival) = (MedianOf(ours, run => run.RequestsPerSecond), MedianOf(bare, run => run.RequestsPerSecond));
        return new QueryOutcome(FormattableString.Invariant($"{rate:0} /s"), rate / rival >= ShareGoal)
        {
            Rival = FormattableString.Invariant($"{rival:0} /s"),
            Ratio = rate / rival,
        };
    }

    private static QueryOutcome CompareLatencies(LoadSeries ours, LoadSeries bare)
    {
        var (wait, rival) = (MedianOf(ours, run => run.Quantile(0.5)), MedianOf(bare, run => run.Quantile(0.5)));
        return new QueryOutcome(FormattableString.Invariant($"{wait:0.000} ms, {wait - rival:0.000} more"), wait - rival <= AddedGoal)
        {
            Rival = FormattableString.Invariant($"{rival:0.000} ms"),
            Ratio = wait / rival,
        };
    }

    private static double MedianOf(LoadSeries series, Func<LoadRun, double> figure) => Timings.Of(series.Runs.Select(figure))!.Median;

    private static byte[][] BareSelectOf(Uri address) =>
        [new RawRequest { Address = address, Path = "/query", Body = JsonSerializer.Serialize(new BareQuery(MeasuredSql.One), BareJson.Default.BareQuery) }.ToBytes()];

    private byte[][] SelectOf(RunningHeimdall heimdall) => [bench.RequestOf(heimdall, MeasuredSql.One).ToBytes()];

    private byte[][] LookupsOf(RunningHeimdall heimdall) => [.. Ids().Select(id => bench.RequestOf(heimdall, MeasuredSql.Lookup, id).ToBytes())];

    private byte[][] BareLookupsOf(Uri address) => [.. Ids().Select(id => new RawRequest { Address = address, Path = $"/lookup/{id}" }.ToBytes())];

    private IEnumerable<int> Ids()
    {
        var random = new Random(Seed);
        return Enumerable.Range(0, Lookups).Select(_ => random.Next(bench.Sizes.Rows) + 1);
    }

    private async Task<QueryOutcome> RunAsync(
        string row, int connections, Func<RunningHeimdall, byte[][]> ours, Func<Uri, byte[][]> bare, Func<LoadSeries, LoadSeries, QueryOutcome> compare,
        CancellationToken cancellationToken)
    {
        await using var heimdall = await bench.StartHeimdallAsync(cancellationToken);
        await using var handler = await bench.StartBareAsync(cancellationToken);
        LoadTarget[] targets =
        [
            new("bare handler", handler.Address, bare(handler.Address), Encoding.ASCII.GetBytes("]]}"), handler.ProcessId),
            new("Heimdall", heimdall.Address, ours(heimdall), Encoding.ASCII.GetBytes("\"row_count\":1,"), heimdall.ApiProcessId),
        ];
        foreach (var target in targets)
        {
            await LoadGenerator.RunAsync(target, connections, bench.Sizes.WarmUpTime, cancellationToken);
        }
        var runs = await Turns.RunAsync(targets, bench.Rounds, async (target, round) =>
        {
            var run = await LoadGenerator.RunAsync(target, connections, bench.Sizes.LoadTime, cancellationToken);
            await QueryBench.NoteAsync(row, $"round {round} of {bench.Rounds}: {target.Name} {run.RequestsPerSecond:0} /s, median {run.Quantile(0.5):0.000} ms");
            return run;
        });
        var series = targets.Zip(runs, (target, all) => new LoadSeries(target.Name, all)).ToArray();
        return compare(series[1], series[0]) with { Loads = series };
    }
}
