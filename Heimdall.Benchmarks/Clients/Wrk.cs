using System.Diagnostics;
using System.Globalization;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Clients;

/// <summary>What is asked of a server, again and again.</summary>
/// <param name="Address">The server's.</param>
/// <param name="Requests">Sent one after the other, from the first again after the last.</param>
/// <param name="Mark">What a good reply has near its end.</param>
/// <param name="ProcessIds">The server's.</param>
internal sealed record LoadTarget(Uri Address, IReadOnlyList<LoadRequest> Requests, string Mark, params IReadOnlyList<int> ProcessIds);

/// <summary>wrk: requests as fast as they are answered, over connections that stay open.</summary>
internal static class Wrk
{
    public const string Rate = "rate";
    public const string P50 = "p50";
    public const string P99 = "p99";

    /// <summary>Seconds of a load after which a server that has answered nothing is not waited for any longer.</summary>
    private const int LongestSilence = 60;

    private static readonly string _script = Path.Combine(AppContext.BaseDirectory, "Clients", "wrk.lua");

    /// <exception cref="BenchmarkException">A reply was wrong, or there was none.</exception>
    public static async Task<IReadOnlyList<Figure>> RunAsync(LoadTarget target, int connections, int seconds, CancellationToken cancellationToken)
    {
        using (var client = new HttpClient { BaseAddress = target.Address })
        {
            var reply = await Reply.ReadAsync(client, target.Requests[0], cancellationToken);
            if (!reply.Tail.Contains(target.Mark, StringComparison.Ordinal))
            {
                throw new BenchmarkException($"The reply's end has no {target.Mark}: …{reply.Tail[Math.Max(0, reply.Tail.Length - 300)..]}");
            }
        }
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllLinesAsync(file, target.Requests.Select(one => one.Body is null ? one.Path : $"{one.Path}\t{one.Body}"), cancellationToken);
            return await RunAsync(target, file, connections, seconds, cancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<IReadOnlyList<Figure>> RunAsync(
        LoadTarget target, string file, int connections, int seconds, CancellationToken cancellationToken)
    {
        var cpu = ProcessUse.Cpu(target.ProcessIds);
        var run = await ProgramRun.RunAsync(
            new ProcessStartInfo(await Tool.FindAsync("wrk", cancellationToken),
                ["--threads", "1", "--connections", $"{connections}", "--duration", $"{seconds}s", "--timeout", "60s", "--script", _script, $"{target.Address}", "--", file]),
            cancellationToken);
        var used = ProcessUse.Cpu(target.ProcessIds) - cpu;
        var summary = run.Output.Split('\n').FirstOrDefault(line => line.StartsWith("summary ", StringComparison.Ordinal))
            ?? throw new BenchmarkException($"wrk printed '{run.Output}'.");
        var numbers = summary.Split(' ').Skip(1).Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        if (numbers is [0, _, 0, ..] && seconds < LongestSilence)
        {
            return await RunAsync(target, file, connections, 4 * seconds, cancellationToken); // a slow reply on a busy machine
        }
        if (numbers is not [var requests and > 0, var microseconds, 0, var p50, var p99])
        {
            throw new BenchmarkException($"Of {numbers[0]} requests {numbers[2]} were not answered well.");
        }
        return
        [
            new(Rate, requests / microseconds * 1e6, "/s", "0"),
            new(P50, p50 / 1000, "ms"),
            new(P99, p99 / 1000, "ms"),
            new("CPU of the server's process", used / requests * 1e6, "µs each", "0"),
        ];
    }
}
