using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>The memory that a query takes of the API: bounded, and the same however many rows there are.</summary>
internal sealed class QueryMemory(QueryBench bench)
{
    private const int Times = 10;
    private const double Goal = 80;
    private const double SameWithin = 16;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private int Rows => bench.Sizes.Rows;

    public IReadOnlyList<QueryRow> Plan() =>
    [
        new(
            QueryRow.Memory, $"memory above the idle API, {Rows:N0} and {(long)Rows * Times:N0} rows as JSON",
            FormattableString.Invariant($"<= {Goal:0} MB, {SameWithin:0} MB apart"), RunAsync),
    ];

    private async Task<QueryOutcome> RunAsync(CancellationToken cancellationToken)
    {
        var one = await GrowAsync(MeasuredSql.All, Rows, cancellationToken);
        var many = await GrowAsync(MeasuredSql.Multiple(Times), (long)Rows * Times, cancellationToken);
        return one is { } few && many is { } most
            ? new QueryOutcome(FormattableString.Invariant($"{few:0.0} and {most:0.0} MB"), few <= Goal && most <= Goal && most - few <= SameWithin)
            : new QueryOutcome("not measured: only Linux tells", IsMet: null);
    }

    /// <summary>The median, each time of a process of its own: what is left of a query before would hide what this one takes.</summary>
    private async Task<double?> GrowAsync(string sql, long rows, CancellationToken cancellationToken)
    {
        var growths = new List<double>();
        for (var round = 1; round <= bench.Rounds; round++)
        {
            if (await GrowOnceAsync(sql, rows, cancellationToken) is not { } growth)
            {
                return null;
            }
            growths.Add(growth);
            await QueryBench.NoteAsync(QueryRow.Memory, $"round {round} of {bench.Rounds}: {rows} rows {growth:0.0} MB");
        }
        return Timings.Of(growths)!.Median;
    }

    private async Task<double?> GrowOnceAsync(string sql, long rows, CancellationToken cancellationToken)
    {
        await using var heimdall = await bench.StartHeimdallAsync(cancellationToken);
        await Task.Delay(Rest, cancellationToken); // what runs on after a reply ends
        var idle = ProcessMemory.Of(heimdall.ApiProcessId)?.Bytes;
        using var connection = await HttpConnection.OpenAsync(heimdall.Address, cancellationToken);
        var request = QueryFormat.Inline.Ask(bench.RequestOf(heimdall, sql)).ToBytes();
        var peak = await ProcessMemory.WatchAsync(
            heimdall.ApiProcessId, QueryFormat.Inline.VerifyAsync(connection, request, rows, cancellationToken));
        return (peak - idle) / Cell.Megabyte;
    }
}
