using Heimdall.Core.Upkeep;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>When a keeper counts as cut off from the store.</summary>
[CancelAfter(60_000)]
public sealed class CutOffTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    private static readonly NpgsqlException Refused = new("Failed to connect to 192.0.2.1:5432");

    private TestDatabase _database = null!;

    [OneTimeSetUp]
    public async Task Create() => _database = await TestDatabase.CreateAsync();

    [OneTimeTearDown]
    public async Task Drop() => await _database.DisposeAsync();

    [Test]
    public void A_sweep_that_has_worked_for_an_hour_may_fail_once()
    {
        var once = Fail(Refused, 3600);

        Assert.That(once?.IsTooLong(Lease), Is.False);
    }

    [TestCase(0, 5, 10, 15, ExpectedResult = false)]
    [TestCase(0, 5, 10, 16, ExpectedResult = true)]
    [TestCase(0, 15, ExpectedResult = false)]
    [TestCase(0, 16, ExpectedResult = true)]
    [TestCase(0, 600, ExpectedResult = false, TestName = "Two failures that are ten minutes apart are two")]
    [TestCase(0, 600, 605, 610, 616, ExpectedResult = true)]
    public bool One_that_gets_no_connection_for_three_leases_is_cut_off(params int[] seconds) =>
        Fail(Refused, seconds)!.IsTooLong(Lease);

    [Test]
    public async Task A_statement_that_fails_has_had_its_connection(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create($"{_database.ConnectionString};Command Timeout=1");
        await using var slow = source.CreateCommand("select pg_sleep(600)");
        await using var wrong = source.CreateCommand("select from nowhere");
        var failures = new[]
        {
            await Assert.CatchAsync<NpgsqlException>(() => slow.ExecuteNonQueryAsync(cancellationToken)),
            await Assert.CatchAsync<NpgsqlException>(() => wrong.ExecuteNonQueryAsync(cancellationToken)),
        };

        Assert.That(failures.Select(failure => Fail(failure!, 0, 5, 10, 16)), Is.All.Null);
    }

    [Test]
    public async Task What_Npgsql_says_of_a_connection_that_it_does_not_get_is_known(
        CancellationToken cancellationToken)
    {
        var onlyOne = new NpgsqlConnectionStringBuilder(_database.ConnectionString) { MaxPoolSize = 1, Timeout = 1 };
        await using var small = NpgsqlDataSource.Create(onlyOne);
        await using var nobody = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=u;Timeout=1");
        await using var nobodies = new NpgsqlDataSourceBuilder("Host=127.0.0.1:1,127.0.0.1:2;Username=u;Timeout=1")
            .BuildMultiHost();
        await using var held = await small.OpenConnectionAsync(cancellationToken);
        foreach (var source in (NpgsqlDataSource[])[small, nobody, nobodies])
        {
            var failure = await Assert.CatchAsync<NpgsqlException>(
                async () => await source.OpenConnectionAsync(cancellationToken));

            Assert.That(Fail(failure!, 0, 5, 10, 16)?.IsTooLong(Lease), Is.True, failure!.Message);
        }
    }

    /// <summary>What is so when a sweep has failed at these times.</summary>
    private static CutOff? Fail(Exception failure, params int[] seconds) => seconds.Aggregate(
        (CutOff?)null, (earlier, at) => CutOff.After(earlier, failure, TimeSpan.FromSeconds(at), Lease));
}
