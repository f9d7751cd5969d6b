using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That the benchmarks run and compare like with like. Never how long anything takes: that is for a quiet machine.</summary>
[CancelAfter(120_000)]
public sealed class ScriptsSuiteTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task Psql_the_executor_and_a_worker_leave_the_same_behind(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "scripts", "--quick", "--only", "ddl");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain("| 200 DDL and function statements, single | psql -1 | 1 |"));
        Assert.That(output, Does.Contain("| 200 DDL and function statements, single | 1 |"), "the job of a worker");
        Assert.That(output, Does.Not.Contain("failed"));
    }

    [Test]
    public async Task Names_what_it_can_measure(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "scripts", "--only", "nothing");

        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain("'nothing' is not measured here").And.Contain("inserts-none, inserts-single"));
    }
}
