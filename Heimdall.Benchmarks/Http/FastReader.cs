using System.Diagnostics;
using System.Globalization;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Http;

/// <summary>A client that does nothing with what it reads: curl, or where that is missing this process.</summary>
internal static class FastReader
{
    private static readonly string? _curl = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(directory => Path.Combine(directory, "curl"))
        .FirstOrDefault(File.Exists);

    /// <summary>As in the report.</summary>
    public static string Name => _curl is null ? "a reader of this program" : "curl";

    /// <returns>Seconds from the client's start to its end, and the length of the body.</returns>
    /// <exception cref="BenchmarkException">The reply is not a whole 200.</exception>
    public static async Task<(double Seconds, long Bytes)> ReadAsync(RawRequest request, CancellationToken cancellationToken)
    {
        var (seconds, status, bytes) = _curl is null ? await ReadHereAsync(request, cancellationToken) : await RunCurlAsync(_curl, request, cancellationToken);
        return status == 200 ? (seconds, bytes) : throw new BenchmarkException($"The API answered {status}.");
    }

    private static async Task<(double Seconds, int Status, long Bytes)> RunCurlAsync(string curl, RawRequest request, CancellationToken cancellationToken)
    {
        var run = await ProgramRun.RunAsync(
            new ProcessStartInfo(curl, [.. request.ToCurl(), "--write-out", "%{http_code} %{size_download}"]), cancellationToken);
        var (status, bytes) = run.Output.Split(' ') is [var first, var second] ? (first, second) : throw new BenchmarkException($"curl printed '{run.Output}'.");
        return (run.Seconds, int.Parse(status, CultureInfo.InvariantCulture), long.Parse(bytes, CultureInfo.InvariantCulture));
    }

    private static async Task<(double Seconds, int Status, long Bytes)> ReadHereAsync(RawRequest request, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        using var connection = await HttpConnection.OpenAsync(request.Address, cancellationToken);
        var reply = await connection.ExchangeAsync(request.ToBytes(), cancellationToken);
        return (Stopwatch.GetElapsedTime(started).TotalSeconds, reply.Status, reply.Bytes);
    }
}
