using System.Diagnostics.Metrics;
using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Monitoring;
using Heimdall.Core.Telemetry;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Monitoring;

/// <summary>What the gauges say of the store, and what it costs the store.</summary>
[CancelAfter(120_000)]
public sealed class StoreGaugeTests
{
    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private ManualTime _clock = null!;
    private Meter _meter = null!;
    private MeterReading _reading = null!;

    [SetUp]
    public async Task Create()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        _clock = new ManualTime();
        _meter = new Meter(HeimdallTelemetry.Name);
        _reading = new MeterReading(meter => meter == _meter);
        var readiness = new StoreReadiness();
        readiness.SetReady();
        _ = new StoreGauges(
            _meter, _store, readiness, () => ["main", "idle"], _clock, NullLogger<StoreGauges>.Instance);
    }

    [TearDown]
    public async Task Dispose()
    {
        _reading.Dispose();
        _meter.Dispose();
        _clock.Dispose();
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Waiting_and_running_jobs_are_counted_by_cluster(CancellationToken cancellationToken)
    {
        await FillAsync("ACCEPTED", "main", 3, "retry_at", "null", cancellationToken);
        await FillAsync("ACCEPTED", "main", 2, "retry_at", "now() + interval '1 hour'", cancellationToken);
        await FillAsync("RUNNING", "main", 4, "lease_until", "now() + interval '1 hour'", cancellationToken);
        await FillAsync("RUNNING", "other", 5, "lease_until", "now() - interval '1 hour'", cancellationToken);
        await FillAsync("SUCCEEDED", "main", 6, "finished_at", "now()", cancellationToken);
        await FillAsync("WAITING_FOR_APPROVAL", "main", 7, "approve_by", "now()", cancellationToken);
        await _database.ExecuteAsync(
            """
            update heimdall.job set created_at = now() - interval '3 hours', updated_at = now() - interval '1 hour'
            where status = 'ACCEPTED' and retry_at is null
            """,
            cancellationToken);

        await ReadAnewAsync(cancellationToken);

        (string, string) main = ("heimdall.cluster", "main"), other = ("heimdall.cluster", "other");
        Assert.Multiple(() =>
        {
            Assert.That(_reading.Look("heimdall.queue.depth", main), Is.EqualTo(3));
            Assert.That(_reading.Look("heimdall.queue.oldest.age", main), Is.InRange(3600, 7200));
            Assert.That(_reading.Look("heimdall.queue.delayed", main), Is.EqualTo(2));
            Assert.That(_reading.Look("heimdall.queue.running", main), Is.EqualTo(4));
            Assert.That(_reading.Look("heimdall.lease.overdue", main), Is.EqualTo(0));
            Assert.That(_reading.Look("heimdall.queue.running", other), Is.EqualTo(5));
            Assert.That(_reading.Look("heimdall.lease.overdue", other), Is.EqualTo(5));
            Assert.That(_reading.Look("heimdall.queue.depth", ("heimdall.cluster", "idle")), Is.EqualTo(0));
            Assert.That(_reading.Look("heimdall.queue.unapproved"), Is.EqualTo(7));
            Assert.That(_reading.Look("heimdall.schedule.overdue.age"), Is.EqualTo(0));
            Assert.That(_reading.Look("heimdall.store.up"), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task Nothing_is_asked_before_somebody_looks(CancellationToken cancellationToken)
    {
        const string Sessions = """
            select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'heimdall gauges'
            """;

        var before = await _database.ScalarAsync<long>(Sessions, cancellationToken);
        await ReadAnewAsync(cancellationToken);
        var after = await _database.ScalarAsync<long>(Sessions, cancellationToken);

        Assert.That((before, after), Is.EqualTo((0L, 1L)));
    }

    [Test]
    public async Task A_reading_holds_for_some_seconds(CancellationToken cancellationToken)
    {
        await FillAsync("ACCEPTED", "main", 1, "retry_at", "null", cancellationToken);
        await ReadAnewAsync(cancellationToken);
        var first = _reading.Look("heimdall.queue.depth", ("heimdall.cluster", "main"));
        await FillAsync("ACCEPTED", "main", 1, "retry_at", "null", cancellationToken);

        var held = _reading.Look("heimdall.queue.depth", ("heimdall.cluster", "main"));
        await ReadAnewAsync(cancellationToken);
        var anew = _reading.Look("heimdall.queue.depth", ("heimdall.cluster", "main"));

        Assert.That((first, held, anew), Is.EqualTo(((double?)1, (double?)1, (double?)2)));
    }

    [Test]
    public async Task A_schedule_that_nobody_fires_is_overdue(CancellationToken cancellationToken)
    {
        await _database.ExecuteAsync(
            """
            insert into heimdall.schedule (id, name, description, cron, timezone, misfire, overlap, "user", version,
                tags, command_criteria, cluster_criteria, context, decided_until, next_at, paused_at, removed_at)
            select number, number, '', '0 0 * * *', 'UTC', 'once', 'skip', 'u', '', '{}', '{}', '{}', '{}', now(),
                now() - interval '1 h' * number, case number when 2 then now() end, case number when 3 then now() end
            from generate_series(1, 3) number
            """,
            cancellationToken);

        await ReadAnewAsync(cancellationToken);

        Assert.That(
            _reading.Look("heimdall.schedule.overdue.age"), Is.InRange(3600, 7000), "not one that is paused or removed");
    }

    [Test]
    public async Task A_store_that_is_gone_shows_nothing_but_that(CancellationToken cancellationToken)
    {
        await ReadAnewAsync(cancellationToken);
        await _store.Gauges.DisposeAsync();
        _clock.Advance(StoreGauges.LeastAge);

        await Eventually.Is(
            () => Task.FromResult(_reading.Look("heimdall.store.up") == 0), cancellationToken);
        Assert.That(_reading.Look("heimdall.queue.depth", ("heimdall.cluster", "main")), Is.Null);
    }

    [Test]
    public async Task A_count_that_takes_too_long_leaves_the_last_one_and_the_store_up(
        CancellationToken cancellationToken)
    {
        (string, string) main = ("heimdall.cluster", "main");
        await FillAsync("ACCEPTED", "main", 3, "retry_at", "null", cancellationToken);
        await ReadAnewAsync(cancellationToken);
        await FillAsync("ACCEPTED", "main", 1, "retry_at", "null", cancellationToken);

        await using (var blocker = await _store.DataSource.OpenConnectionAsync(cancellationToken))
        await using (var transaction = await blocker.BeginTransactionAsync(cancellationToken))
        {
            await using var command = new NpgsqlCommand("lock table job", blocker, transaction);
            await command.ExecuteNonQueryAsync(cancellationToken);
            _clock.Advance(StoreGauges.LeastAge);

            // The first look begins a reading, which cannot be completed.
            Assert.That(_reading.Look("heimdall.store.up"), Is.EqualTo(1));
            Assert.That(_reading.Look("heimdall.queue.depth", main), Is.EqualTo(3));
            Assert.That(
                _reading.Look("heimdall.store.reading.age"),
                Is.EqualTo(StoreGauges.LeastAge.TotalSeconds).Within(0.01));
        }
        await ReadAnewAsync(cancellationToken);
        Assert.That(_reading.Look("heimdall.queue.depth", main), Is.EqualTo(4));
    }

    [Test]
    public async Task An_exhausted_pool_is_no_store_that_is_down(CancellationToken cancellationToken)
    {
        var all = new List<NpgsqlConnection>();
        try
        {
            for (var number = 0; number < ConnectionLimits.ForApi.Store; number++)
            {
                all.Add(await _store.DataSource.OpenConnectionAsync(cancellationToken));
            }
            await ReadAnewAsync(cancellationToken);
            Assert.That(_reading.Look("heimdall.store.up"), Is.EqualTo(1));
        }
        finally
        {
            foreach (var connection in all)
            {
                await connection.DisposeAsync();
            }
        }
    }

    [TestCase("queue", "")]
    [TestCase("cluster", "main")]
    [TestCase("command", "main")]
    public async Task Jobs_that_are_paused_do_not_wait_for_their_turn(
        string scope, string target, CancellationToken cancellationToken)
    {
        (string, string) main = ("heimdall.cluster", "main");
        await FillAsync("ACCEPTED", "main", 3, "retry_at", "null", cancellationToken);
        await FillAsync("RUNNING", "main", 2, "lease_until", "now() - interval '1 hour'", cancellationToken);
        await _database.ExecuteAsync(
            "insert into heimdall.pause (scope, target, paused_by) values ($1, $2, 'tests')",
            cancellationToken, scope, target);

        await ReadAnewAsync(cancellationToken);

        Assert.That(_reading.Look("heimdall.queue.paused", main), Is.EqualTo(3));
        Assert.That(_reading.Look("heimdall.queue.depth", main), Is.Zero);
        Assert.That(_reading.Look("heimdall.queue.oldest.age", main), Is.Zero);
        Assert.That(_reading.Look("heimdall.lease.overdue", main), Is.Zero, "no worker takes over what is paused");
    }

    [Test]
    public async Task What_is_read_grows_with_neither_the_history_nor_the_queue(CancellationToken cancellationToken)
    {
        await FillAsync("ACCEPTED", "main", 100, "retry_at", "null", cancellationToken);
        var (_, small) = await PlanAsync();
        await FillAsync("RUNNING", "main", 10_000, "lease_until", "now()", cancellationToken);
        await _database.ExecuteAsync(
            "update heimdall.job set status = 'SUCCEEDED', finished_at = now() where status = 'RUNNING'",
            cancellationToken);
        await _database.ExecuteAsync("vacuum heimdall.job", cancellationToken);
        var unknown = await PlanAsync();
        await _database.ExecuteAsync("analyze heimdall.job", cancellationToken);
        var known = await PlanAsync();

        foreach (var (plan, buffers) in new[] { unknown, known })
        {
            Assert.That(plan, Does.Not.Match("Seq Scan\",[^}]*\"job\""));
            Assert.That(plan, Does.Contain("\"job_waiting\""), "in its order, and so no further than the limit");
            Assert.That(buffers, Is.LessThan(small + 300), plan);
        }

        async Task<(string Plan, long Buffers)> PlanAsync()
        {
            await using var connection = await _store.Gauges.OpenConnectionAsync(cancellationToken);
            await using var explain = new NpgsqlCommand(
                $"explain (analyze, buffers, format json) {StoreGauges.ReadSql}", connection);
            var json = (string)(await explain.ExecuteScalarAsync(cancellationToken))!;
            var plan = JsonDocument.Parse(json).RootElement[0].GetProperty("Plan");
            return (json, Blocks("Shared Hit Blocks") + Blocks("Shared Read Blocks"));

            long Blocks(string kind) => plan.GetProperty(kind).GetInt64();
        }
    }

    /// <summary>
    /// Until the gauges show a reading that began after the call. A busy server may not answer in time at first.
    /// </summary>
    private Task ReadAnewAsync(CancellationToken cancellationToken) => Eventually.Is(
        () =>
        {
            _clock.Advance(StoreGauges.LeastAge);
            return Task.FromResult(_reading.Look("heimdall.store.reading.age") == 0);
        },
        cancellationToken);

    private Task FillAsync(
        string status, string cluster, int jobs, string column, string value, CancellationToken cancellationToken) =>
        _database.ExecuteAsync(
            $$"""
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
                {{column}})
            select gen_random_uuid(), 'filler', '', '', '{}', 'user', $1, false, false,
                'main', 'main', $2, $2, '{}', '{}', '{}', {{value}}
            from generate_series(1, $3) number
            """,
            cancellationToken, status, cluster, jobs);
}
