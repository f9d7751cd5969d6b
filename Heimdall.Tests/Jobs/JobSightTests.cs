using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Scripts;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>However long the history of others is, a caller who sees little of it reads little.</summary>
[CancelAfter(120_000)]
public sealed class JobSightTests
{
    private const int MostBlocks = 250;

    private const string FillSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id,
            command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at, finished_at)
        select gen_random_uuid(), 'j', '', '', '{}', case when n % 10000 = 0 then 'few' else 'many' end, 'SUCCEEDED', true, true,
            case when n % 10000 = 0 then 'rare' else 'usual' end, 'c', case when n % 10000 = 0 then 'small' else 'large' end, 'c',
            '{}', '{}', '{"query": "select 1"}', now() - n * interval '1 s', now()
        from generate_series(1, 40000) n
        """;

    private static readonly JobPlaces Small = new(null, ["small"]);

    private static readonly (string Name, JobSight Sight, int Jobs)[] Sights =
    [
        ("their own", new("few", [JobPlaces.All], []), 4),
        ("those of a cluster", new("reader", [], [Small]), 4),
        ("those of a command", new("reader", [], [new(["rare"], null)]), 4),
        ("their own on a cluster", new("few", [Small], []), 4),
        ("their own, and those of a cluster", new("few", [JobPlaces.All], [Small]), 4),
        ("those of a command on two clusters", new("reader", [], [new(["rare"], ["small", "none"])]), 4),
        ("none", new("few", [], []), 0),
        ("those of a cluster that is not there", new("reader", [], [new(null, [])]), 0),
    ];

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;

    [OneTimeSetUp]
    public async Task Fill()
    {
        _database = await TestDatabase.CreateStoreAsync();
        var defaults = new DatabaseConfig();
        _store = new StoreDatabase(_database.ConnectionString, defaults.Schema, defaults.HangfireSchema,
            ConnectionLimits.ForApi);
        await _database.ExecuteAsync(FillSql, TestContext.CurrentContext.CancellationToken);
        await _database.ExecuteAsync("vacuum analyze heimdall.job", TestContext.CurrentContext.CancellationToken);
    }

    [OneTimeTearDown]
    public async Task Dispose()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task A_page_of_what_may_be_seen_reads_no_more_than_that(
        [Range(0, 7)] int sight, [Values(JobOrder.CreatedAt, JobOrder.UpdatedAt)] JobOrder order,
            [Values] bool isByStatus,
        CancellationToken cancellationToken)
    {
        var (name, seen, jobs) = Sights[sight];
        var filter = new JobFilter
        {
            Sight = seen, OrderBy = order, Status = isByStatus
            ? [JobStatus.Succeeded, JobStatus.Running] : []
        };

        var page = await new JobStore(_store).ListAsync(filter, cancellationToken);
        var blocks = await BlocksAsync(filter, cancellationToken);

        Assert.That(page.Jobs, Has.Count.EqualTo(jobs), name);
        Assert.That(page.Jobs.Select(job => job.Id), Is.Unique, name);
        Assert.That(page.Next, Is.Null, name);
        Assert.That(blocks, Is.LessThan(MostBlocks), name);
    }

    [Test]
    public async Task A_page_of_all_is_as_quick(CancellationToken cancellationToken) =>
        Assert.That(await BlocksAsync(new JobFilter(), cancellationToken), Is.InRange(1, MostBlocks));

    [Test]
    public async Task A_look_for_who_names_a_script_reads_no_history(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(ScriptOwners.IsNamedByOthersSql)
        {
            Parameters = { new() { Value = "a.sql" }, new() { Value = "few" }, new() { Value = " " } },
        };

        Assert.That(await BlocksAsync(command, cancellationToken), Is.LessThan(MostBlocks));
    }

    private async Task<long> BlocksAsync(JobFilter filter, CancellationToken cancellationToken)
    {
        await using var command = JobListQuery.Build(filter);
        return await BlocksAsync(command, cancellationToken);
    }

    private async Task<long> BlocksAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        command.CommandText = $"explain (analyze, buffers, format json) {command.CommandText}";
        var plan = JsonDocument.Parse((string)(await command.ExecuteScalarAsync(cancellationToken))!).RootElement[0].GetProperty("Plan");
        return plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64();
    }
}
