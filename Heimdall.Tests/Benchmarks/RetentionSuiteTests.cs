using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>
/// That a history is made, and a tenth of it deleted while requests come. Never how long anything takes.
/// </summary>
[CancelAfter(240_000)]
public sealed class RetentionSuiteTests() : RealProcessTests(processes: 2)
{
    [Test]
    public async Task A_tenth_is_deleted_beside_requests(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(
            cancellationToken, "retention", "--quick", "--jobs", "2000");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| foreground +\| while deleting +\| 1 \|").And.Contain("tables"));
    }
}
