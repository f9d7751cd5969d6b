using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That pages of short and long histories are asked for, over REST and in the dashboard. Never how long anything takes.</summary>
[CancelAfter(180_000)]
public sealed class ListsSuiteTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task Pages_of_both_histories_are_read(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "lists", "--quick", "--only", "first,failed-deep,text,page-deep");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| first +\| 5,000 jobs +\| 1 \|").And.Match(@"\| failed-deep +\| 500 jobs +\| 1 \|").And.Contain("| text ").And.Contain("| page-deep "));
    }

    [Test]
    public async Task Names_what_it_can_measure(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "lists", "--only", "nothing");

        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain("'nothing' is not measured here").And.Contain("first, deep"));
    }
}
