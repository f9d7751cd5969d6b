using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That requests are answered under load and beside watchers. Never how long anything takes.</summary>
[CancelAfter(180_000)]
public sealed class FrontDoorSuiteTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task Requests_are_answered_under_load_and_beside_watchers(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(
            cancellationToken, "front-door", "--quick", "--only", "events,watchers");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| events +\| Heimdall +\| 1 \|").And.Match(@"\| events +\| bare handler +\| 1 \|"));
        Assert.That(output, Does.Match(@"\| watchers +\| beside +\| 1 \|").And.Match(@"\| watchers +\| alone +\| 1 \|"));
        Assert.That(output, Does.Not.Contain("failed"));
    }
}
