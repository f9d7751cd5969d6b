using System.Globalization;
using System.Text.Json;
using Heimdall.Core.Audit;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Schedules;
using Heimdall.Core.Upkeep;
using Heimdall.Tests.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>
/// Each statement of the upkeep on tables so large that one that reads them whole is found out. Nothing is due but
/// what a case says, so that all that is read is the search for it.
/// </summary>
[CancelAfter(120_000)]
public sealed class UpkeepPlanTests
{
    private const int Jobs = 20_000;
    private const int Runs = 6_000;
    private const int KeptRuns = 5_000;

    /// <summary>
    /// A plan may begin to read a table, and stop as soon as the other side of a join is found to be empty.
    /// </summary>
    private const int Many = 1_000;

    /// <summary>In all of these are many rows.</summary>
    private static readonly string[] _large =
    [
        "job", "job_attempt", "job_result", "idempotency_key", "schedule_run", "schedule", "state", "audit",
        "hook_delivery",
    ];

    private TestDatabase _database = null!;
    private ServiceProvider _process = null!;
    private NpgsqlDataSource _source = null!;

    public static IEnumerable<TestCaseData> Statements()
    {
        // Buffers: a search by an index is some dozens, and what a case handles comes on top.
        yield return Case("retention", JobRetention.StepSql("hangfire"),
            "text, timestamptz, uuid, interval, int",
            "'SUCCEEDED', '-infinity', '00000000-0000-0000-0000-000000000000', '30 days', 1000", 200);
        yield return Case("retention of few", JobRetention.StepSql("hangfire"),
            "text, timestamptz, uuid, interval, int",
            "'SUCCEEDED', '-infinity', '00000000-0000-0000-0000-000000000000', '5 days', 100", 6_000);
        yield return Case("retention of a command", JobRetention.StepOfCommandSql("hangfire"),
            "text, timestamptz, uuid, interval, int, text",
            "'SUCCEEDED', '-infinity', '00000000-0000-0000-0000-000000000000', '5 days', 100, 'sql'", 6_000);
        yield return Case(
            "schedules that left all files", ScheduleStore.UnseededSql, "", "", 3_000, mayScan: "schedule");
        yield return Case(
            "schedules that are in a file again", ScheduleStore.SeededSql, "", "", 3_000, mayScan: "schedule");
        yield return Case("untrue entries", QueueEntries.UntrueSql("hangfire"),
            "timestamptz, uuid, interval", "null, '00000000-0000-0000-0000-000000000000', '2 min'", 200);
        yield return Case("untrue entries of many", QueueEntries.UntrueSql("hangfire"),
            "timestamptz, uuid, interval", "'-infinity', '00000000-0000-0000-0000-000000000000', '2 min'", 10_000);
        yield return Case("failed entries", QueueEntries.FindFailedSql("hangfire"), "int", "1000", 3_000);
        yield return Case("failed entries of a step", QueueEntries.ExpireFailedSql("hangfire"),
            "interval, bigint[]", "'7 days', array[3, 13, 23]::bigint[]", 100);
        yield return Case("late jobs", JobTransitions.Expire, "", "", 200);
        yield return Case("unapproved jobs", JobTransitions.ExpireApprovals, "", "", 200);
        yield return Case("approve with children", JobTransitions.Approve,
            "uuid, text", "'00000000-0000-0000-0000-000000000000', 'olga'", 200);
        yield return Case("refuse with children", JobTransitions.Refuse,
            "uuid, text, text", "'00000000-0000-0000-0000-000000000000', 'olga', 'No.'", 200);
        yield return Case(
            "jobs to approve", HookStates.UnapprovedSql, "text, int", "'job.unapproved', 1000", 200);
        yield return Case("predecessors", JobTransitions.ResolvePredecessors, "", "", 200);
        yield return Case("fan-outs", FanOuts.FindSql, "int, uuid[]", "100, '{}'", 200);
        yield return Case("children of a parent", FanOuts.ReadChildrenSql,
            "uuid", "'00000000-0000-0000-0000-000000000000'", 200);
        yield return Case("cancel with children", JobTransitions.Cancel,
            "uuid, text, text", "'00000000-0000-0000-0000-000000000000', 'alice', null", 200);
        yield return Case("dead inline queries", JobClaims.FindDeadInlineSql,
            "interval, text[], interval", "'5 s', '{main}', '1 min'", 200);
        yield return Case("expired results", ResultSweep.ExpireSql, "", "", 200);
        yield return Case("unfinished results", ResultSweep.DropUnfinishedSql, "", "", 200);
        yield return Case("idempotency keys", IdempotencyStore.SweepSql, "interval, int", "'30 days', 1000", 200);
        yield return Case("due schedules", ScheduleStore.ForgottenSql, "text, int", "'', 1000", 3_000,
            mayScan: "schedule"); // only once the look has found one
        yield return Case("removed schedules", ScheduleStore.ForgetRemovedSql, "interval", "'30 days'", 200,
            mayScan: "schedule");
        yield return Case("many runs", ScheduleRunStore.TrimSql,
            "int, text, int, int", $"{KeptRuns}, '', 100, 1000", 25_000,
            mayScan: "schedule_run"); // a sixth of it is deleted
        yield return Case("old runs", ScheduleRunStore.ForgetSql, "interval, int", "'90 days', 1000", 200);
        yield return Case("old records of the audit", AuditLog.ForgetSql, "interval, int", "'365 days', 1000", 200);
        yield return Case("old messages to hooks", HookOutbox.ForgetSql, "interval, int", "'30 days', 1000", 200);
        yield return Case("messages to give up", HookOutbox.GiveUpSql, "interval", "'7 days'", 200);
        yield return Case("messages given up lately", DeliveryStore.CountSql, "", "", 20);
        yield return Case("a slow queue", HookStates.SlowSql, "interval, int", "'15 min', 100000", 10_000);
        yield return Case("late schedules", HookStates.LateSql, "interval", "'5 min'", 60_000,
            mayScan: "schedule"); // each of them has a last run

        static TestCaseData Case(
            string name, string sql, string types, string values, long buffers, string? mayScan = null) =>
            new TestCaseData(sql, types, values, buffers, mayScan).SetName(name);
    }

    [OneTimeSetUp]
    public async Task Fill()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _process = ScheduleTestStore.Build(_database, TimeProvider.System);
        var source = new NpgsqlDataSourceBuilder($"{_database.ConnectionString};Search Path=heimdall;Pooling=false");
        source.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        _source = source.Build();
        await using var command = _source.CreateCommand(string.Create(CultureInfo.InvariantCulture, $$"""
            insert into hangfire.job (id, statename, invocationdata, arguments, createdat, expireat)
            select n, case when n % 10 = 3 then 'Failed' else 'Succeeded' end, '{}', '[]', now(),
                now() + interval '1 day'
            from generate_series(1, {{Jobs}}) n;
            insert into job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id,
                command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at,
                finished_at, updated_at, queue_id)
            select gen_random_uuid(), 'job', '', '', '{}', 'u' || n % 50,
                case when n % 10 = 3 then 'FAILED' else 'SUCCEEDED' end,
                false, false, 'sql', 'sql', 'main', 'main', '{}', '{}', '{"query": "select 1"}', at, at, at, n::text
            from (select n, now() - interval '1 day' - n * interval '30 seconds' as at
                from generate_series(1, {{Jobs}}) n) numbers;
            insert into job_attempt (job_id, attempt, worker, started_at, finished_at, outcome)
            select id, 1, 'w', created_at, finished_at, status from job;
            insert into job_result (job_id, columns, attempt, complete, dropped, expires_at)
            select id, '[]', 1, true, created_at < now() - interval '4 days', created_at + interval '4 days' from job;
            update job_result set expires_at = now() + interval '1 day' where not dropped;
            insert into idempotency_key ("user", key, fingerprint, job_ids, created_at)
            select "user", id::text, '', array[id], created_at from job where created_at > now() - interval '4 days';
            insert into schedule (id, name, description, cron, timezone, misfire, overlap, "user", version, tags,
                command_criteria, cluster_criteria, context, decided_until, next_at)
            select 'schedule-' || n, 'n', '', '* * * * *', 'UTC', 'once', 'allow', 'u', '', '{}', '{}', '{}',
                json_build_object('query', repeat('select 1; ', 50)), now(), now() + interval '1 hour'
            from generate_series(1, 2000) n;
            insert into schedule_run (id, schedule, planned_at, outcome, decided_at)
            select gen_random_uuid(), 'schedule-1', now() - n * interval '1 minute', 'FIRED', now()
            from generate_series(1, {{Runs}}) n;
            insert into audit (at, action, target, outcome)
            select now() - n * interval '1 minute', 'POST /', 'job/' || n, 'DONE' from generate_series(1, {{Runs}}) n;
            insert into hook_delivery (id, hook, event, subject, data, status, created_at, finished_at)
            select gen_random_uuid(), 'ops', 'job.ended', 'job/' || n, '{}', 'DELIVERED', at, at
            from (select n, now() - n * interval '10 seconds' as at from generate_series(1, {{Runs}}) n) numbers;
            analyze audit, hook_delivery;
            analyze job, job_attempt, job_result, idempotency_key, schedule, schedule_run, hangfire.job, hangfire.state
            """));
        command.CommandTimeout = 0; // seconds where nothing else runs
        await command.ExecuteNonQueryAsync();
    }

    [OneTimeTearDown]
    public async Task Drop()
    {
        await _source.DisposeAsync();
        await _process.DisposeAsync();
        await _database.DisposeAsync();
    }

    [TestCaseSource(nameof(Statements))]
    public Task Reads_only_what_it_needs(
        string sql, string types, string values, long buffers, string? mayScan, CancellationToken cancellationToken) =>
        CheckAsync(sql, types, values, buffers, mayScan, isByKey: false, cancellationToken);

    [Test]
    public async Task The_keepers_look_reads_only_what_it_needs(CancellationToken cancellationToken)
    {
        var conditions = _process.GetRequiredService<SweepList>().Sweeps
            .Select(sweep => sweep.Condition).OfType<string>().ToArray();
        Assert.That(conditions, Has.Length.AtLeast(5));

        await CheckAsync(
            KeeperSession.LookSql(conditions), "interval", "'5 s'", 100, mayScan: null, isByKey: true,
            cancellationToken);
    }

    /// <summary>Every sweep whose statements are here; one that is added must be looked at here too.</summary>
    [Test]
    public void Each_sweep_is_looked_at()
    {
        var sweeps = _process.GetRequiredService<SweepList>().Sweeps.Select(sweep => sweep.Name);

        Assert.That(sweeps, Is.EquivalentTo(new[]
        {
            "predecessors", "fan-outs", "schedules", "dead inline queries", "late jobs", "unapproved jobs",
            "ends not shown", "results",
            "untrue entries",
            "failed entries", "retention", "schedule history", "states for hooks", "messages to hooks",
            // Of tables with some dozens of rows, or of two lists that are compared whole.
            "recurring jobs", "commands and clusters", "schedules of files", "settings", "dead processes",
            "vacuum settings",
        }));
    }

    private async Task CheckAsync(
        string sql, string types, string values, long buffers, string? mayScan, bool isByKey,
        CancellationToken cancellationToken)
    {
        await using var connection = await _source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // A connection keeps a plan that does not depend on the values.
        await ExecuteAsync("set local plan_cache_mode = force_generic_plan; set local jit = off");
        // The keeper's session and the steps of retention have these settings; sweeps on other connections have not.
        if (isByKey || sql == JobRetention.StepSql("hangfire") || sql == JobRetention.StepOfCommandSql("hangfire"))
        {
            await ExecuteAsync(JobRetention.SettingsSql);
        }
        await ExecuteAsync($"prepare statement{(types.Length > 0 ? $" ({types})" : "")} as {sql}");
        await using var explain = new NpgsqlCommand(
            "explain (analyze, buffers, format json) execute statement"
                + $"{(values.Length > 0 ? $"({values})" : "")}", connection);
        var json = (string)(await explain.ExecuteScalarAsync(cancellationToken))!;
        await transaction.RollbackAsync(cancellationToken);

        var plan = JsonDocument.Parse(json).RootElement[0].GetProperty("Plan");
        var read = plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64();
        Assert.Multiple(() =>
        {
            Assert.That(Scanned(plan).Where(table => _large.Contains(table) && table != mayScan), Is.Empty, json);
            Assert.That(read, Is.LessThanOrEqualTo(buffers), json);
        });

        async Task ExecuteAsync(string statement)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static double ReadOf(JsonElement node) => node.GetProperty("Actual Loops").GetDouble()
        * (node.GetProperty("Actual Rows").GetDouble()
            + (node.TryGetProperty("Rows Removed by Filter", out var removed) ? removed.GetDouble() : 0));

    /// <summary>The tables that a plan reads whole.</summary>
    private static IEnumerable<string> Scanned(JsonElement node)
    {
        if (node.GetProperty("Node Type").GetString() == "Seq Scan" && ReadOf(node) >= Many)
        {
            yield return node.GetProperty("Relation Name").GetString()!;
        }
        if (node.TryGetProperty("Plans", out var plans))
        {
            foreach (var table in plans.EnumerateArray().SelectMany(Scanned))
            {
                yield return table;
            }
        }
    }
}
