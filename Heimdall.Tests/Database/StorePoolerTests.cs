using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>Heimdall's own database behind PgBouncer.</summary>
[CancelAfter(120_000)]
public sealed class StorePoolerTests() : RealProcessTests(processes: 1)
{
    private TestDatabase _database = null!;
    private PgBouncer _pooler = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateAsync();
        _pooler = await PgBouncer.StartAsync(_database.ConnectionString);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _pooler.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task A_pooler_of_transactions_is_refused(CancellationToken cancellationToken)
    {
        await using var store = Open(_pooler.OfTransactions);

        Assert.That(
            async () => await StorePooler.RequireSessionsAsync(store.Migrations, cancellationToken),
            Throws.InstanceOf<StorePoolerException>().With.Message.Contains("pool_mode = session"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_pooler_of_sessions_and_none_are_taken(bool isPooled, CancellationToken cancellationToken)
    {
        await using var store = Open(isPooled ? _pooler.OfSessions : _database.ConnectionString);

        await StorePooler.RequireSessionsAsync(store.Migrations, cancellationToken);
    }

    [Test]
    public async Task Jobs_and_schedules_run_with_a_store_behind_a_pooler_of_sessions(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config =>
            (config with { Store = _pooler.SessionsOf(config.Store) })
                .WithSchedule(
                    "each-second",
                    "cron: '* * * * * *', command_criteria: [type:postgres], cluster_criteria: [data:local], "
                    + "context: {query: select 1}"));

        var id = await heimdall.EnqueueAsync("create table behind_a_pooler (i int)", cancellationToken);
        var rows = await heimdall.SubmitAsync("select 7 as seven", returnResult: true, cancellationToken);

        Assert.That((await heimdall.WaitForEndAsync(id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(rows.AssertStatus(200)["row_count"], Is.EqualTo("1"));
        await Eventually.Becomes(
            () => heimdall.GetAsync("/api/v1/jobs?name=each-second&status=SUCCEEDED", cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(jobs => jobs!.Json.GetProperty("data").GetArrayLength() > 0),
            cancellationToken);
        Assert.That(
            await heimdall.Store.ScalarAsync<string>(
                "select string_agg(distinct application_name, ' ' order by application_name) from pg_stat_activity "
                + "where datname = current_database() and application_name like 'heimdall %' and client_port <> -1",
                cancellationToken),
            Does.Contain("heimdall claims").And.Contain("heimdall lifeline").And.Contain("heimdall store"));
    }

    private static StoreDatabase Open(string connectionString) =>
        new(connectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
}
