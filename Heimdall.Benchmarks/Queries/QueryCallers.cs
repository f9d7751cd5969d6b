using System.Diagnostics;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>Many callers that all read many rows at once: each gets them, and the API stays small and answers others.</summary>
internal sealed class QueryCallers(QueryBench bench)
{
    private const double MemoryGoal = 300;
    private const double HealthGoal = 100;
    private static readonly TimeSpan HealthInterval = TimeSpan.FromMilliseconds(10);

    public IReadOnlyList<QueryRow> Plan() =>
    [
        new(
            QueryRow.Callers, $"{bench.Sizes.Callers} callers reading {bench.Sizes.CallerRows:N0} rows each at once",
            FormattableString.Invariant($"all; <= {MemoryGoal:0} MB; /healthz p99 < {HealthGoal:0} ms"), RunAsync),
    ];

    private async Task<QueryOutcome> RunAsync(CancellationToken cancellationToken)
    {
        await using var heimdall = await bench.StartHeimdallAsync(cancellationToken);
        var health = new RawRequest { Address = heimdall.Address, Path = "/healthz" };
        RawRequest[] requests =
        [
            .. Enumerable.Range(1, bench.Sizes.Callers).Select(number => QueryFormat.Inline.Ask(
                bench.RequestOf(heimdall, MeasuredSql.First(bench.Sizes.CallerRows)) with { Headers = [("X-Heimdall-User", $"caller-{number}")] })),
        ];
        var (seconds, peaks, waits) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 1; round <= bench.Rounds; round++)
        {
            var started = Stopwatch.GetTimestamp();
            var all = Task.WhenAll(requests.Select(request => Task.Run(() => ReadAsync(request, cancellationToken), cancellationToken)));
            var probes = ProbeAsync(health, all, cancellationToken);
            var peak = await ProcessMemory.WatchAsync(heimdall.ApiProcessId, all) / Cell.Megabyte;
            seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
            waits.AddRange(await probes);
            peaks.AddRange(peak is { } megabytes ? [megabytes] : []);
            await QueryBench.NoteAsync(QueryRow.Callers, $"round {round} of {bench.Rounds}: {seconds[^1]:0.000} s, {peak:0} MB");
        }
        waits.Sort();
        var (memory, p99) = (Timings.Of(peaks), waits[(int)(waits.Count * 0.99)]);
        return new QueryOutcome(
            FormattableString.Invariant($"all in {Timings.Of(seconds)!.Median:0.0} s; {Cell.Of(memory?.Max, "0")} MB; {p99:0.0} ms"),
            memory is null ? null : memory.Max <= MemoryGoal && p99 < HealthGoal);
    }

    private async Task ReadAsync(RawRequest request, CancellationToken cancellationToken)
    {
        using var connection = await HttpConnection.OpenAsync(request.Address, cancellationToken);
        await QueryFormat.Inline.VerifyAsync(connection, request.ToBytes(), bench.Sizes.CallerRows, cancellationToken);
    }

    /// <returns>Milliseconds of each answer while something else goes on.</returns>
    private static async Task<List<double>> ProbeAsync(RawRequest health, Task meanwhile, CancellationToken cancellationToken)
    {
        var waits = new List<double>();
        var request = health.ToBytes();
        using var connection = await HttpConnection.OpenAsync(health.Address, cancellationToken);
        do
        {
            var sent = Stopwatch.GetTimestamp();
            var reply = await connection.ExchangeAsync(request, cancellationToken);
            waits.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            if (reply.Status != 200)
            {
                throw new BenchmarkException($"/healthz answered {reply.Status}.");
            }
        }
        while (await Task.WhenAny(meanwhile, Task.Delay(HealthInterval, cancellationToken)) != meanwhile);
        return waits;
    }
}
