using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That jobs go through the queue, and that a version is compared with another. Never how long anything takes.</summary>
[CancelAfter(300_000)]
public sealed class QueueSuiteTests() : RealProcessTests(processes: 2)
{
    [Test]
    public async Task Two_versions_run_the_same_jobs_in_turns(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(
            cancellationToken, "queue", "--quick", "--only", "jobs,pickup", "--before", AppContext.BaseDirectory);

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| jobs +\| Heimdall +\| 1 \|").And.Match(@"\| jobs +\| before +\| 1 \|").And.Match(@"\| pickup +\| before +\| 1 \|"));
    }

    [Test]
    public async Task What_a_version_is_not_able_to_do_is_no_failure(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "queue", "--quick", "--only", "drain,store-cost");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| drain +\| stock Hangfire +\| 1 \|").And.Contain("not able: store-cost, Heimdall: Measured on private servers only"));
    }

    [Test]
    public async Task A_directory_without_programs_is_no_older_version(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "queue", "--before", Path.GetTempPath());

        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain("--before takes a directory with Heimdall.Api.dll and Heimdall.Worker.dll in it"));
    }
}
