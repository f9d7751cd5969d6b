using System.Diagnostics;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Processes;

/// <summary>A program that was run to its end.</summary>
/// <param name="Seconds">From its start to its end.</param>
/// <param name="PeakBytes">The most memory it had; null where the system does not give it.</param>
/// <param name="Output">What it printed.</param>
internal sealed record ProgramRun(double Seconds, long? PeakBytes, string Output)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    /// <exception cref="BenchmarkException">It did not end well.</exception>
    public static async Task<ProgramRun> RunAsync(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        var started = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var ended = process.WaitForExitAsync(cancellationToken);
            long? peak = null;
            do
            {
                peak = ProcessUse.PeakMemory(process.Id) ?? peak;
            }
            while (await Task.WhenAny(ended, Task.Delay(LookInterval, cancellationToken)) != ended);
            await ended;
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            var printed = await output;
            return process.ExitCode == 0
                ? new ProgramRun(seconds, peak, printed)
                : throw new BenchmarkException(
                    $"{Path.GetFileName(start.FileName)} ended with exit code {process.ExitCode}: {(await errors).TrimEnd().Split('\n')[^1]}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
