using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Batches that leave a receipt in their transaction.</summary>
[CancelAfter(60_000)]
public sealed class ReceiptTests
{
    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_receipt_tells_of_a_commit_also_after_a_fail_over(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("create table done (i int)");
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(await ReceiptsAsync(job, cancellationToken), Is.EqualTo(1));
        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Committed));
        Assert.That(await _server.Plugin.FindFateAsync(job, FailedOver(monitor), cancellationToken), Is.EqualTo(AttemptFate.Committed));
    }

    [Test]
    public async Task No_receipt_tells_that_nothing_happened_also_after_a_fail_over(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("create table undone (i int); select 1/0");
        var monitor = new FakeJobMonitor();

        await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, monitor, cancellationToken));

        Assert.That(await ReceiptsAsync(job, cancellationToken), Is.Zero);
        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await _server.Plugin.FindFateAsync(job, FailedOver(monitor), cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
    }

    [TestCase("insert into done values (1) returning i", 1)]
    [TestCase("select write_done()", 1)]
    [TestCase("select i from done", 0)]
    public async Task A_queued_query_that_writes_leaves_a_receipt(
        string sql, int receipts, CancellationToken cancellationToken)
    {
        var setUp = _server.BatchWithReceipt(
            """
            create table done (i int);
            create function write_done() returns int language sql as $$ insert into done values (1) returning i $$
            """);
        await _server.Plugin.RunAsync(setUp, new FakeJobMonitor(), cancellationToken);
        var context = _server.Query(sql, new FakeResultWriter()).Context;
        var job = _server.BatchWithReceipt("") with { Context = context, Results = new FakeResultWriter() };
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(await ReceiptsAsync(job, cancellationToken), Is.EqualTo(receipts));
        var evidence = receipts == 0 ? monitor.Evidence : FailedOver(monitor);
        Assert.That(
            await _server.Plugin.FindFateAsync(job, evidence, cancellationToken),
            Is.EqualTo(receipts == 0 ? AttemptFate.NothingHappened : AttemptFate.Committed));
    }

    [Test]
    public async Task A_receipt_is_of_one_attempt(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("create table once (i int)");
        var (first, second) = (new FakeJobMonitor(), new FakeJobMonitor { OnConfirm = _ => throw new AttemptLostException(job.Id, 2) });
        await _server.Plugin.RunAsync(job, first, cancellationToken);

        await _server.ExecuteAsync("drop table once");
        await Assert.ThrowsAsync<AttemptLostException>(() => _server.Plugin.RunAsync(job with { Attempt = 2 }, second, cancellationToken));

        Assert.That(await _server.Plugin.FindFateAsync(job, first.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Committed));
        Assert.That(await _server.Plugin.FindFateAsync(job with { Attempt = 2 }, second.Evidence, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
    }

    [TestCase("set role {0}")]
    [TestCase("set local role {0}")]
    [TestCase("set session authorization {0}")]
    [TestCase("select set_config('role', '{0}', true)")]
    [TestCase("set session authorization {0}; set role {0}")]
    [TestCase("set search_path = nowhere; set role {0}; savepoint here")]
    [TestCase("set transaction isolation level serializable; set role {0}")]
    public async Task Whoever_the_script_has_become_the_receipt_is_left_and_the_commit_is_that_ones(string change, CancellationToken cancellationToken)
    {
        var role = await CreateRoleAsync();
        try
        {
            // A trigger that is put off to the commit writes down who it runs as.
            await _server.ExecuteAsync(
                $"""
                create table deferred (i int); create table ran_as (name text); grant all on deferred, ran_as to public;
                create function told() returns trigger language plpgsql as $$ begin insert into public.ran_as values (current_user); return null; end $$;
                create constraint trigger told after insert on deferred deferrable initially deferred for each row execute function told();
                """);
            var job = _server.BatchWithReceipt(string.Format(null, change, role) + "; insert into public.deferred values (1)");
            var monitor = new FakeJobMonitor();

            await _server.Plugin.RunAsync(job, monitor, cancellationToken);

            Assert.That(await ReceiptsAsync(job, cancellationToken), Is.EqualTo(1));
            Assert.That(await _server.ScalarAsync<string>("select name from ran_as", cancellationToken), Is.EqualTo(role));
        }
        finally
        {
            await DropRoleAsync(role);
        }
    }

    [Test]
    public async Task A_job_with_a_role_leaves_a_receipt(CancellationToken cancellationToken)
    {
        var role = await CreateRoleAsync();
        try
        {
            var job = _server.BatchWithReceipt("create temp table mine (i int)", role: role);

            await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

            Assert.That(await ReceiptsAsync(job, cancellationToken), Is.EqualTo(1));
        }
        finally
        {
            await DropRoleAsync(role);
        }
    }

    [TestCase("set transaction read only; select 1")]
    [TestCase("create table before (i int); set transaction read only")]
    public async Task Of_a_transaction_that_became_read_only_the_server_is_asked(string sql, CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt(sql);
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(await ReceiptsAsync(job, cancellationToken), Is.Zero);
        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Committed));
    }

    [Test]
    public async Task Commits_whose_receipt_is_missing_are_not_taken_for_undone(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("create table kept (i int)");
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        await _server.ExecuteAsync("delete from heimdall_receipts.receipt where attempt > 0");
        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Unknown), "the server says that it is committed");

        await _server.ExecuteAsync("drop schema heimdall_receipts cascade");
        Assert.That(await _server.Plugin.FindFateAsync(job, FailedOver(monitor), cancellationToken), Is.EqualTo(AttemptFate.Unknown), "the table is gone");
    }

    /// <summary>A function called begin hides the COMMIT from whoever counts BEGIN and END; the attempt dies before it hears of it.</summary>
    [Test]
    public async Task A_commit_of_the_scripts_own_is_not_taken_for_undone(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("create function begin() returns int language sql as 'select 1'; create table half (i int); commit; select pg_sleep(600) as end;");
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        await Eventually.Is(() => _server.ScalarAsync<bool>("select to_regclass('half') is not null", cancellationToken), cancellationToken);

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.Unknown));
        Assert.That(async () => await run, Throws.InstanceOf<JobFailedException>());
    }

    [Test]
    public async Task Another_database_is_no_copy_and_knows_nothing(CancellationToken cancellationToken)
    {
        await using var another = await PluginTestServer.StartAsync();
        var job = _server.BatchWithReceipt("create table here (i int)");
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);
        await another.Plugin.RunAsync(another.BatchWithReceipt("select 1"), new FakeJobMonitor(), cancellationToken);

        var fate = await another.Plugin.FindFateAsync(job with { TargetCluster = another.BatchWithReceipt("").TargetCluster }, FailedOver(monitor), cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.Unknown));
    }

    [Test]
    public async Task What_is_older_than_receipts_are_kept_is_unknown(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("select 1/0");
        var monitor = new FakeJobMonitor();
        await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, monitor, cancellationToken));
        var evidence = PluginTestServer.Json(FailedOver(monitor));

        evidence["receipt"]!["since"] = DateTimeOffset.UtcNow.AddDays(-20);

        Assert.That(await _server.Plugin.FindFateAsync(job, evidence.ToJsonString(), cancellationToken), Is.EqualTo(AttemptFate.Unknown));
    }

    [Test]
    public async Task Old_receipts_are_swept(CancellationToken cancellationToken)
    {
        await _server.Plugin.RunAsync(_server.BatchWithReceipt("select 1"), new FakeJobMonitor(), cancellationToken);
        var old = Guid.CreateVersion7(DateTimeOffset.UtcNow.AddDays(-40));
        await _server.ExecuteAsync(
            $"""
            insert into heimdall_receipts.receipt values ('{old}', 1, now() - interval '39 days'), ('{old}', 2, now() - interval '1 day');
            update heimdall_receipts.receipt set committed_at = now() - interval '99 days' where attempt = 0
            """);
        await using var another = await PluginTestServer.StartAsync(); // a process that has not looked yet

        await another.Plugin.RunAsync(another.BatchWithReceipt("select 1", _server.ConnectionString), new FakeJobMonitor(), cancellationToken);

        Assert.That(
            await _server.ScalarAsync<string>("select string_agg(attempt::text, ' ' order by attempt) from heimdall_receipts.receipt", cancellationToken), Is.EqualTo("0 1 1 2"));
    }

    [Test]
    public async Task A_login_that_may_not_is_told_what_to_grant(CancellationToken cancellationToken)
    {
        var role = await CreateRoleAsync("login");
        try
        {
            var login = new NpgsqlConnectionStringBuilder(_server.ConnectionString) { Username = role }.ConnectionString;
            var failure = (await Assert.ThrowsAsync<JobFailedException>(() => RunAsync()))!.Failure;
            Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
            Assert.That(failure.Message, Does.Contain("receipts: true").And.Contain("grant select, insert, delete on heimdall_receipts.receipt to LOGIN"));

            var grants = failure.Message[failure.Message.IndexOf("create schema", StringComparison.Ordinal)..].Replace("LOGIN", role, StringComparison.Ordinal);
            await _server.ExecuteAsync(grants);
            await RunAsync();

            Assert.That(await _server.ScalarAsync<long>("select count(*) from heimdall_receipts.receipt where attempt = 1", cancellationToken), Is.EqualTo(1));

            Task RunAsync() => _server.Plugin.RunAsync(_server.BatchWithReceipt("create temp table mine (i int)", login), new FakeJobMonitor(), cancellationToken);
        }
        finally
        {
            await DropRoleAsync(role);
        }
    }

    [Test]
    public async Task A_table_that_was_dropped_fails_one_batch_and_is_made_anew(CancellationToken cancellationToken)
    {
        await _server.Plugin.RunAsync(_server.BatchWithReceipt("select 1"), new FakeJobMonitor(), cancellationToken);
        await _server.ExecuteAsync("drop table heimdall_receipts.receipt");

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(_server.BatchWithReceipt("create table never (i int)"), new FakeJobMonitor(), cancellationToken)))!.Failure;
        var next = _server.BatchWithReceipt("select 1");
        await _server.Plugin.RunAsync(next, new FakeJobMonitor(), cancellationToken);

        Assert.That((failure.Kind, failure.Message), Is.EqualTo((JobFailureKind.Sql, "relation \"heimdall_receipts.receipt\" does not exist")));
        Assert.That(await _server.ScalarAsync<bool>("select to_regclass('never') is null", cancellationToken), Is.True);
        Assert.That(await ReceiptsAsync(next, cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task The_table_is_made_once_by_many_at_a_time(CancellationToken cancellationToken)
    {
        var servers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PluginTestServer.StartAsync()));
        var jobs = servers.Select(one => one.BatchWithReceipt("select 1", _server.ConnectionString)).ToList();

        await Task.WhenAll(servers.Zip(jobs, (one, job) => one.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken)));

        Assert.That(await _server.ScalarAsync<long>("select count(*) from heimdall_receipts.receipt where attempt = 1", cancellationToken), Is.EqualTo(4));
        foreach (var one in servers)
        {
            await one.DisposeAsync();
        }
    }

    [Test]
    public async Task Batches_that_commit_as_they_go_leave_none(CancellationToken cancellationToken)
    {
        var job = _server.BatchWithReceipt("select 1") with { Context = new JsonObject { ["query"] = "create table going (i int)", ["transaction"] = "none" } };

        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<bool>("select to_regnamespace('heimdall_receipts') is null", cancellationToken), Is.True);
    }

    private static string FailedOver(FakeJobMonitor monitor)
    {
        var evidence = PluginTestServer.Json(monitor.Evidence!);
        (evidence["system"], evidence["timeline"]) = ("1", 99);
        return evidence.ToJsonString();
    }

    private Task<long> ReceiptsAsync(PluginJob job, CancellationToken cancellationToken) =>
        _server.ScalarAsync<long>($"select count(*) from heimdall_receipts.receipt where job_id = '{job.Id}' and attempt = {job.Attempt}", cancellationToken);

    private async Task<string> CreateRoleAsync(string options = "")
    {
        var role = $"r{Guid.NewGuid():N}";
        await _server.ExecuteAsync($"create role {role} {options}; grant create on schema public to {role}");
        return role;
    }

    private Task DropRoleAsync(string role) => _server.ExecuteAsync($"drop owned by {role}; drop role {role}");
}
