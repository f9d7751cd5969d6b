using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Upkeep;
using Heimdall.Tests.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>What retention deletes, and what it leaves.</summary>
[CancelAfter(60_000)]
public sealed class RetentionTests
{
    private ScheduleTestStore _store = null!;
    private IServiceProvider _process = null!;

    [SetUp]
    public async Task Start()
    {
        _store = await ScheduleTestStore.CreateAsync(DateTime.UtcNow);
        _process = await _store.StartAsync(CancellationToken.None);
    }

    [TearDown]
    public async Task Stop() => await _store.DisposeAsync();

    [Test]
    public async Task Jobs_go_by_their_status_and_their_age(CancellationToken cancellationToken)
    {
        await AddAsync("SUCCEEDED", days: 29, cancellationToken);
        await AddAsync("SUCCEEDED", days: 31, cancellationToken);
        foreach (var status in (string[])["FAILED", "CANCELED", "KILLED"])
        {
            await AddAsync(status, days: 89, cancellationToken);
            await AddAsync(status, days: 91, cancellationToken);
        }
        await AddAsync("ACCEPTED", days: 1000, cancellationToken);
        await AddAsync("RUNNING", days: 1000, cancellationToken);
        await AddAsync("CANCELING", days: 1000, cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(await NamesAsync(cancellationToken), Is.EquivalentTo(new[]
        {
            "SUCCEEDED 29", "FAILED 89", "CANCELED 89", "KILLED 89", "ACCEPTED 1000", "RUNNING 1000", "CANCELING 1000",
        }));
    }

    [Test]
    public async Task A_command_may_keep_its_jobs_longer_shorter_or_for_ever(CancellationToken cancellationToken)
    {
        var retention = CommandRetention.Of(new CommandRetentionConfig
        {
            Succeeded = TimeSpan.FromDays(1), Failed = Duration.Forever, Canceled = TimeSpan.FromDays(200),
        })!;
        await _store.Database.ExecuteAsync(
            "update heimdall.command set retention = $1::jsonb", cancellationToken, retention.Write());
        await _process.GetRequiredService<LiveCatalog>().RefreshAsync(cancellationToken);
        await AddAsync("SUCCEEDED", days: 2, cancellationToken, command: "sql");
        await AddAsync("SUCCEEDED", days: 2, cancellationToken);
        await AddAsync("FAILED", days: 1000, cancellationToken, command: "sql");
        await AddAsync("FAILED", days: 1000, cancellationToken);
        await AddAsync("CANCELED", days: 199, cancellationToken, command: "sql");
        await AddAsync("CANCELED", days: 201, cancellationToken, command: "sql");
        await AddAsync("KILLED", days: 91, cancellationToken, command: "sql");

        await DeleteAsync(cancellationToken);

        Assert.That(await NamesAsync(cancellationToken), Is.EquivalentTo(new[]
        {
            "SUCCEEDED 2", "FAILED 1000 sql", "CANCELED 199 sql",
        }));
    }

    [Test]
    public async Task Jobs_that_a_removed_command_keeps_for_ever_stay(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            update heimdall.command set retention = '{"SUCCEEDED": null}', removed_at = now() - interval '31 days'
            """,
            cancellationToken);
        await AddAsync("SUCCEEDED", days: 1000, cancellationToken, command: "sql");
        await _process.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);

        await _process.GetRequiredService<CatalogUpkeep>().MarkAsync(cancellationToken);
        await DeleteAsync(cancellationToken);

        Assert.That(await NamesAsync(cancellationToken), Is.EqualTo(new[] { "SUCCEEDED 1000 sql" }));

        await _process.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        await _store.Database.ExecuteAsync("delete from heimdall.job", cancellationToken);
        await _process.GetRequiredService<CatalogUpkeep>().MarkAsync(cancellationToken);
        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from heimdall.command", cancellationToken),
            Is.Zero,
            "with its last job the command is forgotten too");
    }

    [Test]
    public async Task A_look_for_one_commands_jobs_reads_no_others_and_begins_again_where_one_stays(
        CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """update heimdall.command set retention = '{"SUCCEEDED": 86400, "FAILED": null}'""", cancellationToken);
        await AddAsync("FAILED", days: 1000, cancellationToken, command: "sql");
        await AddAsync("SUCCEEDED", days: 3, cancellationToken);
        await AddAsync("SUCCEEDED", days: 4, cancellationToken, command: "sql");
        var withResult = await AddAsync("SUCCEEDED", days: 3, cancellationToken, command: "sql");
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.job_result (job_id, columns, attempt, complete, expires_at)
            values ($1, '[]', 1, true, now() + interval '1 day')
            """,
            cancellationToken, withResult);
        var jobs = _process.GetRequiredService<JobRetention>();

        var ofCommand = await jobs.DeleteAsync(
            JobStatus.Succeeded, "sql", TimeSpan.FromDays(1), RetentionPosition.Start, most: 100, cancellationToken);
        var ofOthers = await jobs.DeleteAsync(
            JobStatus.Failed, command: null, TimeSpan.FromDays(90), RetentionPosition.Start, most: 100,
            cancellationToken);

        Assert.That((ofCommand.Looked, ofCommand.Deleted, ofCommand.Left?.Id), Is.EqualTo((3L, 1L, (Guid?)withResult)));
        Assert.That(
            (ofOthers.Looked, ofOthers.Deleted, ofOthers.Left), Is.EqualTo((1L, 0L, (RetentionPosition?)null)),
            "what is kept for ever is not looked at again");
    }

    [Test]
    public async Task Where_files_differ_the_longest_time_holds_also_while_its_process_does_not_run(
        CancellationToken cancellationToken)
    {
        await AddAsync("SUCCEEDED", days: 31, cancellationToken);
        await AddAsync("FAILED", days: 1000, cancellationToken);
        var other = Process(new HeimdallConfig
        {
            Retention = new() { Succeeded = TimeSpan.FromDays(40), Failed = Duration.Forever },
        });
        await other.StartsAsync(cancellationToken);

        await other.GoneAsync(cancellationToken);
        await _store.PassTimeAsync(cancellationToken);
        await other.ForgetDeadAsync(cancellationToken);
        await DeleteAsync(cancellationToken);
        Assert.That(await NamesAsync(cancellationToken), Is.EquivalentTo(new[] { "SUCCEEDED 31", "FAILED 1000" }));

        // The file is the same, and is written down once.
        await Process(new HeimdallConfig
        {
            Retention = new() { Succeeded = TimeSpan.FromDays(40), Failed = Duration.Forever },
        }).StartsAsync(cancellationToken);
        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from heimdall.file_retention", cancellationToken),
            Is.EqualTo(2));

        await _store.Database.ExecuteAsync(
            "update heimdall.file_retention set said_at = now() - interval '31 days'", cancellationToken);
        await _process.GetRequiredService<LivingProcesses>().StartsAsync(cancellationToken);
        await _process.GetRequiredService<LivingProcesses>().ForgetDeadAsync(cancellationToken);
        await DeleteAsync(cancellationToken);
        Assert.That(await NamesAsync(cancellationToken), Is.Empty);
    }

    [Test]
    public async Task What_no_file_has_said_for_long_is_forgotten_only_when_all_have_started(
        CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            update heimdall.file_retention set said_at = now() - interval '31 days';
            update heimdall.worker set started_at = now()
            """,
            cancellationToken);
        var processes = _process.GetRequiredService<LivingProcesses>();

        await processes.ForgetDeadAsync(cancellationToken);
        Assert.That(await processes.FindRetentionAsync(cancellationToken), Is.Not.Empty);

        await _store.PassTimeAsync(cancellationToken);
        await processes.ForgetDeadAsync(cancellationToken);
        Assert.That(await processes.FindRetentionAsync(cancellationToken), Is.Empty);
    }

    [Test]
    public async Task A_file_that_does_not_say_how_long_a_commands_jobs_are_kept_leaves_what_another_says(
        CancellationToken cancellationToken)
    {
        const string RetentionSql = "select coalesce(retention::text, 'none') from heimdall.command";
        await Process(new HeimdallConfig
        {
            Commands = [new() { Name = "sql", Retention = new() { Succeeded = TimeSpan.FromDays(1) } }],
        }).StartsAsync(cancellationToken);
        var longest = Process(new HeimdallConfig
        {
            Commands = [new() { Name = "sql", Retention = new() { Succeeded = Duration.Forever } }],
        });
        await longest.StartsAsync(cancellationToken);
        await longest.GoneAsync(cancellationToken);
        await AddAsync("SUCCEEDED", days: 1000, cancellationToken, command: "sql");

        await _store.StartBesideAsync(cancellationToken); // its file has the command, and no retention of it
        await _process.GetRequiredService<CatalogUpkeep>().MarkAsync(cancellationToken);
        await _process.GetRequiredService<LiveCatalog>().RefreshAsync(cancellationToken);
        await DeleteAsync(cancellationToken);
        Assert.That(
            await _store.Database.ScalarAsync<string>(RetentionSql, cancellationToken),
            Is.EqualTo("{\"SUCCEEDED\": null}"));
        Assert.That(await NamesAsync(cancellationToken), Is.EqualTo(new[] { "SUCCEEDED 1000 sql" }));

        await _store.Database.ExecuteAsync("delete from heimdall.file_retention", cancellationToken);
        await _process.GetRequiredService<CatalogUpkeep>().MarkAsync(cancellationToken);
        Assert.That(await _store.Database.ScalarAsync<string>(RetentionSql, cancellationToken), Is.EqualTo("none"));
    }

    [Test]
    public async Task A_parent_goes_with_its_children_and_none_of_them_before(CancellationToken cancellationToken)
    {
        var parent = await AddAsync("FAILED", days: 31, cancellationToken);
        await AddChildAsync(parent, "SUCCEEDED", cancellationToken);
        var withResult = await AddChildAsync(parent, "FAILED", cancellationToken);
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.job_result (job_id, columns, attempt, complete, expires_at)
            values ($1, '[]', 1, true, now() + interval '1 day')
            """,
            cancellationToken, withResult);

        await DeleteAsync(cancellationToken);
        Assert.That(await CountJobsAsync(cancellationToken), Is.EqualTo(3), "the parent is kept for 90 days");

        await _store.Database.ExecuteAsync(
            """
            update heimdall.job
            set created_at = created_at - interval '60 days', finished_at = finished_at - interval '60 days'
            """,
            cancellationToken);
        await DeleteAsync(cancellationToken);
        Assert.That(await CountJobsAsync(cancellationToken), Is.EqualTo(3), "the result of a child is still kept");

        await _store.Database.ExecuteAsync("update heimdall.job_result set dropped = true", cancellationToken);
        await DeleteAsync(cancellationToken, again: true);
        Assert.That(await CountJobsAsync(cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_child_whose_parent_is_gone_goes_as_any_job(CancellationToken cancellationToken)
    {
        await AddChildAsync(Guid.NewGuid(), "SUCCEEDED", cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(await CountJobsAsync(cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Keys_do_not_wait_until_all_jobs_are_deleted(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.idempotency_key ("user", key, fingerprint, job_ids, created_at)
            values ('u', 'k', '', '{}', now() - interval '2 days');
            alter table heimdall.job_result rename to out_of_reach
            """,
            cancellationToken);

        await Assert.ThrowsAsync<PostgresException>(() => DeleteAsync(cancellationToken));

        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from heimdall.idempotency_key", cancellationToken),
            Is.Zero);
    }

    [Test]
    public async Task All_that_belongs_to_a_job_goes_with_it(CancellationToken cancellationToken)
    {
        var id = await AddAsync("SUCCEEDED", days: 31, cancellationToken);
        await _store.Database.ExecuteAsync(
            $"""
            insert into heimdall.job_attempt (job_id, attempt, worker) values ('{id}', 1, 'w');
            insert into heimdall.job_log (job_id, stream, lines) values ('{id}', 'stdout', 'x');
            insert into heimdall.job_result (job_id, columns, attempt, complete, dropped)
            values ('{id}', '[]', 1, true, true);
            with entry as (
                insert into hangfire.job (statename, invocationdata, arguments, createdat)
                values ('Succeeded', '{"{}"}', '[]', now()) returning id),
            state as (insert into hangfire.state (jobid, name, createdat) select id, 'Succeeded', now() from entry)
            update heimdall.job set queue_id = entry.id::text from entry where job.id = '{id}'
            """,
            cancellationToken);

        await DeleteAsync(cancellationToken);

        foreach (var table in (string[])
            [
                "heimdall.job", "heimdall.job_attempt", "heimdall.job_log", "heimdall.job_result", "hangfire.job",
                "hangfire.state",
            ])
        {
            Assert.That(
                await _store.Database.ScalarAsync<long>($"select count(*) from {table}", cancellationToken), Is.Zero,
                table);
        }
    }

    [Test]
    public async Task A_job_stays_that_something_still_needs(CancellationToken cancellationToken)
    {
        var awaited = await AddAsync("SUCCEEDED", days: 40, cancellationToken);
        var withResult = await AddAsync("SUCCEEDED", days: 41, cancellationToken);
        var withKey = await AddAsync("SUCCEEDED", days: 42, cancellationToken);
        var waiting = await AddAsync("ACCEPTED", days: 43, cancellationToken);
        await _store.Database.ExecuteAsync(
            $"""
            insert into heimdall.job_predecessor (job_id, predecessor_id, wanted)
            values ('{waiting}', '{awaited}', 'ended');
            insert into heimdall.job_result (job_id, columns, attempt, complete, expires_at)
            values ('{withResult}', '[]', 1, true, now() + interval '1 day');
            insert into heimdall.idempotency_key ("user", key, fingerprint, job_ids, created_at)
            select 'u', 'k', '', array[id, '{waiting}'], created_at from heimdall.job where id = '{withKey}'
            """,
            cancellationToken);

        await DeleteAsync(cancellationToken);
        Assert.That(await NamesAsync(cancellationToken), Has.Count.EqualTo(4));

        await _store.Database.ExecuteAsync(
            """
            delete from heimdall.job_predecessor; delete from heimdall.idempotency_key;
            update heimdall.job_result set dropped = true
            """,
            cancellationToken);
        await DeleteAsync(cancellationToken, again: true);
        Assert.That(await NamesAsync(cancellationToken), Is.EqualTo(new[] { "ACCEPTED 43" }));
    }

    [Test]
    public async Task A_long_history_goes_in_many_steps(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            $"{InsertSql} select gen_random_uuid(), 'SUCCEEDED', 31 + n / 100000.0, 'none' "
                + "from generate_series(1, 5000) n) old (id, status, days, command)) aged",
            cancellationToken);
        await AddAsync("SUCCEEDED", days: 1, cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(await NamesAsync(cancellationToken), Is.EqualTo(new[] { "SUCCEEDED 1" }));
    }

    [Test]
    public async Task Runs_of_schedules_go_by_their_age_but_not_those_that_wait(CancellationToken cancellationToken)
    {
        await _store.StartAsync(ScheduleTestStore.EveryMinute, cancellationToken);
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.schedule_run (id, schedule, planned_at, outcome, decided_at)
            select gen_random_uuid(), 'minutely', now() - days * interval '1 day', outcome, now()
            from (values (89, 'FIRED'), (91, 'FIRED'), (92, 'WAITING')) run (days, outcome)
            """,
            cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(
            await _store.Database.ColumnAsync<int>(
                "select (now()::date - planned_at::date)::int from heimdall.schedule_run order by 1",
                cancellationToken),
            Is.EqualTo(new[] { 89, 92 }));
    }

    [Test]
    public async Task Records_of_the_audit_go_by_their_age(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.audit (at, action, target, outcome)
            select now() - days * interval '1 day', 'POST /', days::text, 'DONE'
            from (values (364), (366), (2000)) record (days)
            """,
            cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(
            await _store.Database.ColumnAsync<string>("select target from heimdall.audit", cancellationToken),
            Is.EqualTo(new[] { "364" }));
    }

    [Test]
    public async Task What_is_known_of_a_key_goes_when_nobody_has_used_it_for_long(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.api_key_use (key, "user", last_used_at)
            select days::text, 'alice', now() - days * interval '1 day' from (values (364), (366)) used (days)
            """,
            cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(
            await _store.Database.ColumnAsync<string>("select key from heimdall.api_key_use", cancellationToken),
            Is.EqualTo(new[] { "364" }));
    }

    [Test]
    public async Task Sessions_of_browsers_go_when_their_time_is_over(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.browser_session (id, key_hash, "user", ticket, ends_at)
            select gen_random_uuid(), sha256(hours::text::bytea), hours::text, '', now() + hours * interval '1 hour'
            from (values (-1), (1)) ends (hours)
            """,
            cancellationToken);

        await DeleteAsync(cancellationToken);

        Assert.That(
            await _store.Database.ColumnAsync<string>(
                "select \"user\" from heimdall.browser_session", cancellationToken),
            Is.EqualTo(new[] { "1" }));
    }

    [Test]
    public void Forever_is_written_and_read()
    {
        var retention = CommandRetention.Of(new CommandRetentionConfig { Failed = Duration.Forever })!;

        var read = CommandRetention.Read(retention.Write());

        Assert.That(read.Seconds, Is.EqualTo(new Dictionary<string, double?> { ["FAILED"] = null }));
        Assert.That(read.Find("FAILED"), Is.Null);
        Assert.That(CommandRetention.Of(new CommandRetentionConfig()), Is.Null);
    }

    private const string InsertSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at,
            finished_at, updated_at)
        select id, concat_ws(' ', status, days::int, nullif(command, 'none')), '', '', '{}', 'u', status, false,
            false, command, '', '', '', '{}', '{}', '{}', at - interval '1 minute',
            case when status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED') then at end, at
        from (select *, now() - days * interval '1 day' as at from (
        """;

    private async Task<Guid> AddAsync(
        string status, int days, CancellationToken cancellationToken, string command = "none")
    {
        var id = Guid.CreateVersion7();
        await _store.Database.ExecuteAsync(
            $"{InsertSql} values ($1, $2, $3, $4)) old (id, status, days, command)) aged",
            cancellationToken, id, status, days,
            command);
        return id;
    }

    private async Task<Guid> AddChildAsync(Guid parent, string status, CancellationToken cancellationToken)
    {
        var child = await AddAsync(status, days: 31, cancellationToken);
        await _store.Database.ExecuteAsync(
            "update heimdall.job set parent_id = $2 where id = $1", cancellationToken, child, parent);
        return child;
    }

    private Task<long> CountJobsAsync(CancellationToken cancellationToken) =>
        _store.Database.ScalarAsync<long>("select count(*) from heimdall.job", cancellationToken);

    /// <summary>What another process with another file records of itself.</summary>
    private LivingProcesses Process(HeimdallConfig config) =>
        new(_process.GetRequiredService<StoreDatabase>(), config);

    private async Task DeleteAsync(CancellationToken cancellationToken, bool again = false)
    {
        await _process.GetRequiredService<LivingProcesses>().StartsAsync(cancellationToken);
        var retention = again
            ? ActivatorUtilities.CreateInstance<HistoryRetention>(_process) // as after an hour, or in the next keeper
            : _process.GetRequiredService<HistoryRetention>();
        await retention.DeleteAsync(cancellationToken);
    }

    private Task<List<string>> NamesAsync(CancellationToken cancellationToken) =>
        _store.Database.ColumnAsync<string>("select name from heimdall.job", cancellationToken);
}
