using System.Diagnostics;
using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Http;

/// <summary>Sends requests as fast as they are answered, over connections that stay open.</summary>
internal static class LoadGenerator
{
    private const int ExpectedRequests = 64 * 1024;

    /// <exception cref="BenchmarkException">A reply was wrong, or there was none.</exception>
    public static async Task<LoadRun> RunAsync(LoadTarget target, int connections, TimeSpan time, CancellationToken cancellationToken)
    {
        var cpu = ProcessCpu.Of(target.ProcessId);
        var started = Stopwatch.GetTimestamp();
        var until = started + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var latencies = await Task.WhenAll(Enumerable.Range(0, connections)
            .Select(number => Task.Run(() => DriveAsync(target, number, until, cancellationToken), cancellationToken)));
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new LoadRun(seconds, [.. latencies.SelectMany(one => one).Order()], ProcessCpu.Of(target.ProcessId) - cpu);
    }

    /// <summary>One connection. Each begins with another request, so that they do not all ask for the same.</summary>
    private static async Task<List<double>> DriveAsync(LoadTarget target, int number, long until, CancellationToken cancellationToken)
    {
        var latencies = new List<double>(ExpectedRequests);
        using var connection = await HttpConnection.OpenAsync(target.Address, cancellationToken);
        for (var next = number * 31; Stopwatch.GetTimestamp() < until; next++)
        {
            var sent = Stopwatch.GetTimestamp();
            var reply = await connection.ExchangeAsync(target.Requests[next % target.Requests.Count], cancellationToken);
            latencies.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            if (reply.Status != 200 || connection.Tail.IndexOf(target.Mark) < 0)
            {
                throw new BenchmarkException($"{target.Name} answered {reply.Status}: {ProblemText.Of(connection.TailText)}");
            }
        }
        return latencies;
    }
}
