using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>What is said of a long queue, and of parents among many jobs, is bounded and says where it is.</summary>
[CancelAfter(300_000)]
public sealed class DeepQueueFiguresTests
{
    private const int Waiting = 60_000;

    /// <summary>Blocks for the oldest 20,000 by an index: no block more than there are such rows.</summary>
    private const int MostBlocks = 30_000;

    // All of one caller, but for every thousandth; the newest are of a small cluster and a rare command.
    private const string FillSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at,
            updated_at, finished_at, fan_out)
        select gen_random_uuid(), 'waits', '', '', '{}'::text[], case when n % 1000 = 0 then 'few' else 'many' end,
            'ACCEPTED', false, false, case when n <= 10 then 'rare' else 'c' end, 'c',
            case when n <= 10 then 'small' else 'large' end, 'c', '{}'::text[], '{}'::text[],
            '{"query": "select 1"}'::json, now() - n * interval '1 ms', now(), null::timestamptz, null::jsonb
        from generate_series(1, 60000) n
        union all
        select gen_random_uuid(), 'ended', '', '', '{}'::text[], 'many', 'SUCCEEDED', false, false, 'c', 'c', 'large',
            'c', '{}'::text[], '{}'::text[], '{"query": "select 1"}'::json, now() - n * interval '1 s', now(), now(),
            case when n % 50 = 0 then '{"total": 2}'::jsonb end
        from generate_series(1, 30000) n
        """;

    private static readonly JobSight OfSmall = new("reader", [], [new(null, ["small"])]);

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private JobFigures _figures = null!;

    [OneTimeSetUp]
    public async Task Fill()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        _figures = new JobFigures(_store);
        await _database.ExecuteAsync(FillSql, CancellationToken.None);
        await _database.ExecuteAsync("vacuum analyze heimdall.job", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Drop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Who_sees_little_does_not_make_the_server_read_the_whole_queue(CancellationToken cancellationToken)
    {
        foreach (var command in new[] { JobFigures.BuildOpen(OfSmall), JobFigures.BuildWaiting(OfSmall) })
        {
            var plan = await ExplainAsync(command, cancellationToken);
            Assert.That(BlocksOf(plan), Is.LessThan(MostBlocks), plan.ToString());
            Assert.That(MostRowsOf(plan), Is.LessThanOrEqualTo(JobFigures.MostWaiting), plan.ToString());
        }

        var open = await _figures.ReadOpenAsync(OfSmall, cancellationToken);
        var waiting = await _figures.ReadWaitingAsync(OfSmall, cancellationToken);

        Assert.That((open.ByCluster.Count, open.IsPartial), Is.EqualTo((0, true)), "its jobs are the newest of all");
        Assert.That((waiting.ByCluster.Count, waiting.IsPartial), Is.EqualTo((0, true)));
    }

    [Test]
    public async Task A_callers_own_jobs_are_counted_however_long_the_queue_of_others_is(
        CancellationToken cancellationToken)
    {
        var own = new JobSight("few", [JobPlaces.All], []);

        var open = await _figures.ReadOpenAsync(own, cancellationToken);
        var waiting = await _figures.ReadWaitingAsync(own, cancellationToken);

        Assert.That((open.ByCluster["large"].Ready, open.IsPartial), Is.EqualTo((Waiting / 1_000, false)));
        Assert.That((waiting.Count, waiting.IsPartial), Is.EqualTo((Waiting / 1_000, false)));
    }

    [TestCase("small", null)]
    [TestCase(null, "rare")]
    public async Task What_waits_for_one_cluster_or_command_is_listed_by_an_index(
        string? cluster, string? command, CancellationToken cancellationToken)
    {
        var filter = new JobFilter
        {
            Sight = JobSight.Everything, Status = [JobStatus.Accepted], Cluster = cluster, Command = command,
        };

        var plan = await ExplainAsync(JobListQuery.Build(filter), cancellationToken);

        Assert.That(BlocksOf(plan), Is.LessThan(100), plan.ToString());
        Assert.That(plan.ToString(), Does.Contain("job_waiting_by_"));
    }

    [Test]
    public async Task Jobs_that_ended_are_counted_without_parents_and_by_indexes_alone(
        CancellationToken cancellationToken)
    {
        var day = DateTime.UtcNow.AddDays(-1);
        var plan = await ExplainAsync(JobFigures.BuildCountEnded(JobSight.Everything, day), cancellationToken);
        Assert.That(plan.ToString(), Does.Contain("Index Only Scan"));
        Assert.That(BlocksOf(plan), Is.LessThan(2_000), plan.ToString());

        var hourAgo = DateTime.UtcNow.AddHours(-1);
        var expected = await _database.ScalarAsync<long>(
            "select count(*) from heimdall.job where status = 'SUCCEEDED' and created_at > $1 and fan_out is null",
            cancellationToken, hourAgo);
        var ofAnHour = await _figures.CountEndedAsync(JobSight.Everything, hourAgo, cancellationToken);
        var ofADay = await _figures.CountEndedAsync(JobSight.Everything, day, cancellationToken);

        Assert.That(ofAnHour[JobStatus.Succeeded], Is.EqualTo(expected).And.GreaterThan(0));
        Assert.That(ofADay[JobStatus.Succeeded], Is.EqualTo(JobFigures.MostCounted));
    }

    private static long BlocksOf(JsonElement plan) =>
        plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64();

    /// <summary>The most that a scan of the plan gave and threw away.</summary>
    private static double MostRowsOf(JsonElement plan)
    {
        var own = plan.TryGetProperty("Relation Name", out _)
            ? plan.GetProperty("Actual Rows").GetDouble()
                + (plan.TryGetProperty("Rows Removed by Filter", out var removed) ? removed.GetDouble() : 0)
            : 0;
        return plan.TryGetProperty("Plans", out var parts)
            ? parts.EnumerateArray().Select(MostRowsOf).Append(own).Max()
            : own;
    }

    private async Task<JsonElement> ExplainAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        command.CommandText = $"explain (analyze, buffers, format json) {command.CommandText}";
        var json = (string)(await command.ExecuteScalarAsync(cancellationToken))!;
        return JsonDocument.Parse(json).RootElement[0].GetProperty("Plan");
    }
}
