using System.Diagnostics;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Benchmarks;

/// <summary>The benchmarks, run as a program on the server of the tests.</summary>
internal static class BenchmarkProgram
{
    public static async Task<(int ExitCode, string Output)> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        using var benchmarks = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Heimdall.Benchmarks.dll"), .. arguments])
        {
            Environment =
            {
                ["HEIMDALL_BENCH_DB"] = TestDatabase.ServerConnectionString,
                ["HEIMDALL_BENCH_PG_BIN"] = Environment.GetEnvironmentVariable("HEIMDALL_TEST_PG_BIN"),
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            var output = benchmarks.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = benchmarks.StandardError.ReadToEndAsync(cancellationToken);
            await benchmarks.WaitForExitAsync(cancellationToken);
            return (benchmarks.ExitCode, await output + await errors);
        }
        finally
        {
            if (!benchmarks.HasExited)
            {
                benchmarks.Kill(); // what it has started ends with it
            }
        }
    }
}
