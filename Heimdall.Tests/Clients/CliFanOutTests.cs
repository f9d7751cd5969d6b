using Heimdall.Cli;
using Heimdall.Tests.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary><c>heimdall query --target all</c> on five databases, one of which may be down.</summary>
[CancelAfter(120_000)]
public sealed class CliFanOutTests
{
    private Fleet _fleet = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _fleet = await Fleet.StartAsync();
        await _fleet.Heimdall.StartWorkerAsync();
        foreach (var (index, database) in _fleet.Databases.Index())
        {
            await database.ExecuteAsync(
                $"create table numbers as select {index + 1}.50::numeric as n", CancellationToken.None);
        }
    }

    [OneTimeTearDown]
    public async Task Stop() => await _fleet.DisposeAsync();

    [TestCase("csv", "_cluster,n\ndb1,1.50\ndb2,2.50\ndb3,3.50\ndb4,4.50\ndb5,5.50\n")]
    [TestCase("ndjson",
        "{\"_cluster\": \"db1\", \"n\": 1.50}\n{\"_cluster\": \"db2\", \"n\": 2.50}\n"
        + "{\"_cluster\": \"db3\", \"n\": 3.50}\n{\"_cluster\": \"db4\", \"n\": 4.50}\n"
        + "{\"_cluster\": \"db5\", \"n\": 5.50}\n")]
    public async Task The_rows_of_all_clusters_are_printed_and_nothing_else(string format, string expected)
    {
        var cli = Cli();

        var code = await QueryAsync(
            cli, "select n from numbers", "--canary", "1", "--max-parallel", "2", "--format", format);

        Assert.That((code, cli.Out), Is.EqualTo((0, expected)), cli.Error);
        Assert.That(cli.Error, Does.Match(@"\Ajob [0-9a-f-]{36} on 5 clusters\n\z"));
    }

    [Test]
    public async Task Parameters_and_limits_are_those_of_each_cluster()
    {
        var cli = Cli();

        var code = await QueryAsync(
            cli, "select $1 + i as n from generate_series(1, 9) i", "--param", "int4:10", "--limit", "1",
            "--read-only");

        Assert.That(
            (code, cli.Out), Is.EqualTo((0, "_cluster,n\ndb1,11\ndb2,11\ndb3,11\ndb4,11\ndb5,11\n")), cli.Error);
        Assert.That(cli.Error, Does.Contain("A limit has cut the result"));
    }

    [Test]
    public async Task Where_one_is_down_each_cluster_is_shown_and_no_row_is_printed()
    {
        await _fleet.Last.CutAsync();
        var cli = Cli();

        var code = await QueryAsync(cli, "select n from numbers");
        _fleet.Last.Mend();

        Assert.That((code, cli.Out), Is.EqualTo((CliExitCode.SqlError, "")), cli.Error);
        Assert.That(cli.Error, Does.Match(@"\ndb1  SUCCEEDED +[0-9.]+ s  job \S+\ndb2  SUCCEEDED "));
        Assert.That(cli.Error, Does.Match(@"\ndb5  FAILED +\S.* job \S+  \S"));
        Assert.That(cli.Error, Does.Contain("\nFAILED: ").And.Contain("1 of 5 children did not succeed"));
    }

    [Test]
    public async Task What_follows_a_failed_canary_is_not_begun(CancellationToken cancellationToken)
    {
        foreach (var database in _fleet.Databases[1..])
        {
            await database.ExecuteAsync("create table lacking (n int)", cancellationToken);
        }
        var cli = Cli();

        var code = await QueryAsync(cli, "select n from lacking", "--canary", "1");

        Assert.That((code, cli.Out), Is.EqualTo((CliExitCode.SqlError, "")), cli.Error);
        Assert.That(cli.Error, Does.Match(@"\ndb1  FAILED .*lacking").And.Match(@"\ndb5  CANCELED "));
    }

    [Test]
    public async Task Columns_that_differ_are_said_with_each_cluster(CancellationToken cancellationToken)
    {
        foreach (var (index, database) in _fleet.Databases.Index())
        {
            await database.ExecuteAsync(
                $"create table differing (n {(index == 3 ? "int4" : "text")})", cancellationToken);
        }
        var cli = Cli();

        var code = await QueryAsync(cli, "select n from differing");

        Assert.That((code, cli.Out), Is.EqualTo((CliExitCode.Wrong, "")), cli.Error);
        Assert.That(cli.Error, Does.Match(@"\ndb4  SUCCEEDED ").And.Contain("'db4' has (n int4)"));
    }

    [Test]
    public async Task An_interrupt_cancels_the_query_on_each_cluster(CancellationToken cancellationToken)
    {
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var cli = new CliRun(_fleet.Heimdall.Address) { Interrupt = interrupt.Token };
        var query = QueryAsync(cli, "select pg_sleep(600)", "--name", "slow everywhere");
        await Eventually.Is(
            () => Task.FromResult(cli.Error.StartsWith("job ", StringComparison.Ordinal)), cancellationToken);
        var parent = Guid.Parse(cli.Error.Split(' ')[1]);
        await Eventually.Is(
            async () => (await _fleet.ChildrenAsync(parent, cancellationToken)).All(child => child.Status == "RUNNING"),
            cancellationToken);

        await interrupt.CancelAsync();

        Assert.That(await query, Is.EqualTo(CliExitCode.Canceled), cli.Error);
        Assert.That(cli.Error, Does.Contain("Asking to cancel the job").And.Match(@"\ndb3  CANCELED "));
        Assert.That(
            await _fleet.EndsAsync(parent, cancellationToken), Is.All.EndsWith(" CANCELED"));
    }

    [Test]
    public async Task A_format_that_is_no_text_is_refused_before_anything_runs(CancellationToken cancellationToken)
    {
        var cli = new CliRun(_fleet.Heimdall.Address) { IsTerminal = true };

        Assert.That(
            await QueryAsync(cli, "select n from numbers", "--format", "arrow", "--name", "never"),
            Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain("send the output to a file"));
        Assert.That(
            await _fleet.Heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where name = 'never'", cancellationToken),
            Is.Zero);
    }

    [Test]
    public async Task What_goes_with_all_clusters_alone_is_refused_for_one()
    {
        var cli = Cli();

        Assert.That(
            await cli.RunAsync("query", "select 1", "--cluster", "db1", "--canary", "1"),
            Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain("canary"));
    }

    private CliRun Cli() => new(_fleet.Heimdall.Address);

    private static Task<int> QueryAsync(CliRun cli, string sql, params string[] more) =>
        cli.RunAsync(["query", sql, "--target", "all", "--cluster", "role:fleet", .. more]);
}
