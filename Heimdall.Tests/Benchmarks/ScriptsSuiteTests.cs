using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That the benchmarks run and compare like with like. Never how long anything takes: that is for a quiet machine.</summary>
[CancelAfter(120_000)]
public sealed class ScriptsSuiteTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task Psql_and_a_worker_leave_the_same_behind(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "scripts", "--quick", "--only", "ddl");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain("ddl: 200 DDL and function statements, one transaction; psql -1"));
        Assert.That(output, Does.Match(@"\| ddl +\| psql +\| 1 \|").And.Match(@"\| ddl +\| Heimdall +\| 1 \|"));
        Assert.That(output, Does.Not.Contain("failed"));
    }

    [Test]
    public async Task Names_what_it_can_measure(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "scripts", "--only", "nothing");

        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain("'nothing' is not measured here").And.Contain("ddl, inserts-none, inserts-single"));
    }
}
