using System.Diagnostics;
using System.Globalization;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Clients;

/// <summary>A client that does nothing with what it reads.</summary>
internal static class Curl
{
    /// <returns>Seconds from the client's start to its end, and the length of the body.</returns>
    /// <exception cref="BenchmarkException">The reply is not a whole 200.</exception>
    public static async Task<(double Seconds, long Bytes)> ReadAsync(Uri address, LoadRequest request, CancellationToken cancellationToken)
    {
        string[] body = request.Body is null ? [] : ["--data-raw", request.Body, "--header", "Content-Type: application/json"];
        var run = await ProgramRun.RunAsync(
            new ProcessStartInfo(await Tool.FindAsync("curl", cancellationToken),
            [
                "--disable", "--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code} %{size_download}",
                .. request.Headers.SelectMany(header => new[] { "--header", $"{header.Name}: {header.Value}" }), .. body, new Uri(address, request.Path).ToString(),
            ]),
            cancellationToken);
        return run.Output.Split(' ') is ["200", var bytes]
            ? (run.Seconds, long.Parse(bytes, CultureInfo.InvariantCulture))
            : throw new BenchmarkException($"The API answered '{run.Output}' (status, length).");
    }
}
