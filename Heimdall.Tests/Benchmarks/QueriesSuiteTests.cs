using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Benchmarks;

/// <summary>That queries are measured, and that what is asked for is what comes. Never how long anything takes.</summary>
[CancelAfter(120_000)]
public sealed class QueriesSuiteTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task Psql_and_an_inline_query_read_all_rows(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "queries", "--quick", "--only", "json");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Contain("json: 10,000 rows as JSON; psql --csv"));
        Assert.That(output, Does.Match(@"\| json +\| psql +\| 1 \|").And.Match(@"\| json +\| inline JSON +\| 1 \|"));
        Assert.That(output, Does.Not.Contain("failed"));
    }

    [Test]
    public async Task Columns_are_measured_beside_csv(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(
            cancellationToken, "queries", "--quick", "--only", "arrow", "--only", "parquet");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| arrow +\| inline Arrow +\| 1 \|").And.Match(@"\| parquet +\| inline Parquet +\| 1 \|"));
        Assert.That(output, Does.Not.Contain("failed"));
    }

    [Test]
    public async Task Requests_are_answered_by_Heimdall_and_by_the_bare_handler(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "queries", "--quick", "--only", "select1-1");

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"\| select1-1 +\| bare handler +\| 1 \|").And.Match(@"\| select1-1 +\| Heimdall +\| 1 \|"));
    }

    [Test]
    public async Task Names_what_it_can_measure(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchmarkProgram.RunAsync(cancellationToken, "queries", "--only", "nothing");

        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(output, Does.Contain("'nothing' is not measured here").And.Contain("json, csv, ndjson, arrow, parquet, stored"));
    }
}
