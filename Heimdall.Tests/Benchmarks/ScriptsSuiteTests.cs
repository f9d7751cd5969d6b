using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That the benchmarks run and compare like with like. Never how long anything takes: that is for a quiet machine.</summary>
[CancelAfter(120_000)]
public sealed class ScriptsSuiteTests
{
    [Test]
    public async Task Psql_the_executor_and_a_worker_leave_the_same_behind(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await RunAsync(cancellationToken, "scripts", "--quick", "--only", "ddl");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain("| 200 DDL and function statements, single | psql -1 | 1 |"));
        Assert.That(output, Does.Contain("| 200 DDL and function statements, single | 1 |"), "the job of a worker");
        Assert.That(output, Does.Not.Contain("failed"));
    }

    [Test]
    public async Task Names_what_it_can_measure(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await RunAsync(cancellationToken, "scripts", "--only", "nothing");

        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain("'nothing' is not measured here").And.Contain("inserts-none, inserts-single"));
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(CancellationToken cancellationToken, params string[] arguments)
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
