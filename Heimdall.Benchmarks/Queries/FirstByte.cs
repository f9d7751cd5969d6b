using System.Diagnostics;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>How long a reader waits before it has something to read.</summary>
internal sealed class FirstByte(QueryBench bench)
{
    private const double Goal = 30;

    public IReadOnlyList<QueryRow> Plan() =>
        [new(QueryRow.FirstByte, $"first byte of {bench.Sizes.Rows:N0} rows as JSON", FormattableString.Invariant($"< {Goal:0} ms"), RunAsync)];

    private async Task<QueryOutcome> RunAsync(CancellationToken cancellationToken)
    {
        await using var heimdall = await bench.StartHeimdallAsync(cancellationToken);
        var request = QueryFormat.Inline.Ask(bench.RequestOf(heimdall, MeasuredSql.All)).ToBytes();
        using var connection = await HttpConnection.OpenAsync(heimdall.Address, cancellationToken);
        await QueryFormat.Inline.VerifyAsync(connection, request, bench.Sizes.Rows, cancellationToken);
        var waits = new List<double>();
        for (var round = 1; round <= bench.Rounds; round++)
        {
            var sent = Stopwatch.GetTimestamp();
            var reply = await QueryFormat.Inline.VerifyAsync(connection, request, bench.Sizes.Rows, cancellationToken);
            waits.Add(Stopwatch.GetElapsedTime(sent, reply.FirstByteAt).TotalMilliseconds);
            await QueryBench.NoteAsync(QueryRow.FirstByte, $"round {round} of {bench.Rounds}: {waits[^1]:0.0} ms");
        }
        var timings = Timings.Of(waits)!;
        return new QueryOutcome(FormattableString.Invariant($"{timings.Median:0.0} ms ({timings.Min:0.0} to {timings.Max:0.0})"), timings.Median < Goal);
    }
}
