using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What becomes of the sessions that queries share, and batches.</summary>
[CancelAfter(60_000)]
public sealed class PooledSessionTests
{
    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_session_that_is_lost_does_not_take_the_idle_ones_with_it(CancellationToken cancellationToken)
    {
        var pids = await OpenThreeSessionsAsync(cancellationToken);

        Assert.That(
            async () => await _server.Plugin.RunAsync(
                _server.Query("select pg_terminate_backend(pg_backend_pid())", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken),
            Throws.InstanceOf<JobFailedException>());

        await Eventually.Becomes(() => LivingAsync(pids, cancellationToken), () => Is.EqualTo(2), cancellationToken);
        for (var query = 0; query < 3; query++)
        {
            await _server.Plugin.RunAsync(_server.Query("select 1", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken);
        }
        Assert.That(await LivingAsync(pids, cancellationToken), Is.EqualTo(2));
    }

    [Test]
    public async Task A_batch_has_the_session_of_the_one_before_and_finds_nothing_of_it(
        CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table seen (pid int, name text, locks bigint, temporary text, last bigint)");
        await _server.ExecuteAsync("create sequence counted");
        const string Look = """
            insert into seen select pg_backend_pid(), left(current_setting('application_name'), 9),
                (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
                to_regclass('pg_temp.left_over')::text
            """;
        await RunAsync(Look, cancellationToken);

        await RunAsync(
            $"{Look}; select pg_advisory_lock(3), nextval('counted'); create temporary table left_over (i int);",
            cancellationToken);
        await RunAsync(Look, cancellationToken);

        Assert.That(await _server.ScalarAsync<long>("select count(*) from seen", cancellationToken), Is.EqualTo(3));
        Assert.That(
            await _server.ScalarAsync<long>("select count(*) from (select distinct * from seen) same", cancellationToken),
            Is.EqualTo(1));
    }

    [TestCase("set my.own = 'x'")]
    [TestCase("select set_config('my.own', 'x', false)")]
    [TestCase("do $$ begin perform set_config('my.own', 'x', false); end $$")]
    public async Task A_batch_that_may_leave_what_a_reset_does_not_take_away_leaves_no_session(
        string sql, CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table seen (pid int, own text)");
        const string Look = "insert into seen select pg_backend_pid(), current_setting('my.own', true)";

        await RunAsync($"{Look}; {sql}", cancellationToken);
        await RunAsync(Look, cancellationToken);

        Assert.That(
            await _server.ScalarAsync<long>("select count(distinct pid) from seen where own is null", cancellationToken),
            Is.EqualTo(2));
    }

    [Test]
    public async Task What_the_database_is_given_for_new_sessions_holds_for_the_next_batch(
        CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table seen (pid int, lock_timeout text)");
        const string Look = "insert into seen select pg_backend_pid(), current_setting('lock_timeout')";
        await RunAsync(Look, cancellationToken);

        await _server.ExecuteAsync(
            "do $$ begin execute format('alter database %I set lock_timeout = 77000', current_database()); end $$");
        await RunAsync(Look, cancellationToken);
        await RunAsync(Look, cancellationToken);

        var seen = await _server.ScalarAsync<string>(
            "select string_agg(lock_timeout, ' ' order by ctid) from seen", cancellationToken);
        Assert.That(seen, Does.EndWith(" 77s 77s").And.Not.StartWith("77s"));
        Assert.That(
            await _server.ScalarAsync<long>("select count(distinct pid) from seen", cancellationToken), Is.EqualTo(2));
    }

    [Test]
    public async Task A_batch_whose_statements_commit_has_a_backend_of_its_own(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table seen (pid int)");
        const string Look = "insert into seen select pg_backend_pid()";
        await RunAsync(Look, cancellationToken);

        foreach (var _ in Enumerable.Range(0, 2))
        {
            await _server.Plugin.RunAsync(
                _server.Job($$"""{"query": "{{Look}}", "transaction": "none"}"""), new FakeJobMonitor(),
                cancellationToken);
        }
        await RunAsync(Look, cancellationToken);

        var pids = await _server.ScalarAsync<int[]>("select array_agg(pid order by ctid) from seen", cancellationToken);
        Assert.That(pids, Has.Length.EqualTo(4));
        Assert.That(pids![3], Is.EqualTo(pids[0]));
        Assert.That(pids[1..3], Is.Unique.And.None.EqualTo(pids[0]));
    }

    [Test]
    public async Task Recovery_does_not_end_the_batch_that_has_the_session_now(CancellationToken cancellationToken)
    {
        var job = _server.Batch("create table first (pid int); insert into first select pg_backend_pid()");
        var (monitor, next) = (new FakeJobMonitor(), new FakeJobMonitor());
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);
        await using var holder = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await using var hold = holder.CreateCommand();
        hold.CommandText = "select pg_advisory_lock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        var running = _server.Plugin.RunAsync(
            _server.Batch("set application_name = 'hidden'; select pg_advisory_xact_lock(1)"), next, cancellationToken);
        await Eventually.Is(
            () => _server.ScalarAsync<bool>(
                "select exists (select from pg_locks join first using (pid) where not granted)", cancellationToken),
            cancellationToken);

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.Committed));
        hold.CommandText = "select pg_advisory_unlock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        Assert.That(async () => await running, Throws.Nothing);
    }

    [Test]
    public async Task A_batch_notices_that_its_session_has_ended_before_it_begins(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table seen (pid int)");
        await RunAsync("insert into seen select pg_backend_pid()", cancellationToken);
        await _server.ExecuteAsync("select pg_terminate_backend(pid) from seen");
        await Eventually.Is(
            () => _server.ScalarAsync<bool>(
                "select not exists (select from pg_stat_activity join seen using (pid))", cancellationToken),
            cancellationToken);

        await RunAsync("insert into seen select pg_backend_pid()", cancellationToken);

        Assert.That(
            await _server.ScalarAsync<long>("select count(distinct pid) from seen", cancellationToken), Is.EqualTo(2));
    }

    [TestCase("""{"query": "select 1", "return_result": true}""", true)]
    [TestCase("""{"query": "select 1", "return_result": true}""", false)]
    [TestCase("""{"query": "create table made (i int)", "return_result": true}""", false)]
    [TestCase(
        """{"query": "select $1", "return_result": true, "parameters": [{"value": "a", "type": "mood"}]}""", true)]
    public async Task A_query_that_is_given_a_session_which_has_ended_in_the_pool_runs_in_another(
        string context, bool isInline, CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_server.ConnectionString);
        var cluster = new PluginCluster(
            "behind_a_proxy", new JsonObject { ["connection_string"] = proxy.Through(_server.ConnectionString) });
        await _server.ExecuteAsync("create type mood as enum ('a')");
        var first = new FakeResultWriter();
        await _server.Plugin.RunAsync(
            _server.Query("select pg_backend_pid()", first) with { TargetCluster = cluster },
            new FakeJobMonitor(),
            cancellationToken);
        var pid = first.Rows.Single()[0];

        proxy.Freeze(); // nobody hears what the server says when it ends the session
        await _server.ScalarAsync<bool>($"select pg_terminate_backend({pid}, 10000)", cancellationToken);
        var job = _server.Job(context, new FakeResultWriter()) with { TargetCluster = cluster, IsInline = isInline };
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);
        proxy.Thaw();

        Assert.That(async () => await run, Throws.Nothing);
    }

    private Task<JobProgress> RunAsync(string sql, CancellationToken cancellationToken) =>
        _server.Plugin.RunAsync(_server.Batch(sql), new FakeJobMonitor(), cancellationToken);

    private Task<long> LivingAsync(string pids, CancellationToken cancellationToken) =>
        _server.ScalarAsync<long>($"select count(*) from pg_stat_activity where pid = any('{pids}')", cancellationToken);

    private async Task<string> OpenThreeSessionsAsync(CancellationToken cancellationToken)
    {
        await using var holder = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await using var hold = holder.CreateCommand();
        hold.CommandText = "select pg_advisory_lock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        var runs = Enumerable.Range(0, 3)
            .Select(_ => _server.Plugin.RunAsync(_server.Query("select pg_advisory_xact_lock_shared(1)", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken)).ToArray();
        const string Waiting = "from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
        await Eventually.Is(async () => await _server.ScalarAsync<long>($"select count(*) {Waiting}", cancellationToken) == 3, cancellationToken);
        var pids = await _server.ScalarAsync<string>($"select array_agg(pid)::text {Waiting}", cancellationToken);
        hold.CommandText = "select pg_advisory_unlock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        await Task.WhenAll(runs);
        return pids!;
    }
}
