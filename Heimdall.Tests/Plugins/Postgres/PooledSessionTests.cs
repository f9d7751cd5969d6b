using System.Diagnostics;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What becomes of the sessions that queries share, and batches.</summary>
[CancelAfter(60_000)]
public sealed class PooledSessionTests
{
    private const string Waiting =
        """
        from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())
        """;

    // Npgsql looks at a pool every so often, and closes what was idle two times.
    private static readonly TimeSpan _shortestIdle = TimeSpan.FromSeconds(5);

    private PluginTestServer _server = null!;
    private PluginCluster _cluster = null!;

    [SetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        _cluster = _server.Cluster;
    }

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_session_that_is_lost_does_not_take_the_idle_ones_with_it(CancellationToken cancellationToken)
    {
        var pids = await OpenSessionsAsync(3, _server.Query, cancellationToken);

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

        await BeforeSessionsAreClosedAsync(async () =>
        {
            await _server.ExecuteAsync("truncate seen");
            await RunAsync(Look, cancellationToken);
            await RunAsync(
                $"{Look}; select pg_advisory_lock(3), nextval('counted'); create temporary table left_over (i int);",
                cancellationToken);
            await RunAsync(Look, cancellationToken);
        });

        Assert.That(await _server.ScalarAsync<long>("select count(*) from seen", cancellationToken), Is.EqualTo(3));
        Assert.That(
            await _server.ScalarAsync<long>("select count(*) from (select distinct * from seen) same", cancellationToken),
            Is.EqualTo(1));
    }

    [TestCase("set my.own = 'x'")]
    [TestCase("select set_config('my.own', 'x', false)")]
    [TestCase("do $$ begin perform set_config('my.own', 'x', false); end $$")]
    [TestCase("select SetSeed(0.5)")]
    [TestCase("select pg_replication_origin_session_setup('o') where false")]
    [TestCase("select pg_create_physical_replication_slot('s', false, true) where false")]
    [TestCase("select pg_create_logical_replication_slot('s', 'pgoutput', true) where false")]
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

    [TestCase("select set_config('work_mem', '9MB', false)", true)]
    [TestCase("select SetSeed(0.5)", false)]
    [TestCase("select 'a long text before' /* {0} */, setseed(0.5)", false)]
    [TestCase("select pg_replication_origin_session_setup('o') where false", false)]
    public async Task A_query_that_may_leave_what_a_reset_does_not_take_away_leaves_no_session(
        string sql, bool isKept, CancellationToken cancellationToken)
    {
        var first = await PidAsync();
        await _server.Plugin.RunAsync(
            InCluster(_server.Query(string.Format(null, sql, new string('x', 9000)), new FakeResultWriter())),
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That(await PidAsync() == first, Is.EqualTo(isKept));

        async Task<string?> PidAsync()
        {
            var results = new FakeResultWriter();
            await _server.Plugin.RunAsync(
                InCluster(_server.Query("select pg_backend_pid()", results)), new FakeJobMonitor(), cancellationToken);
            return results.Rows.Single()[0];
        }
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

        await BeforeSessionsAreClosedAsync(async () =>
        {
            await _server.ExecuteAsync("truncate seen");
            await RunAsync(Look, cancellationToken);
            foreach (var _ in Enumerable.Range(0, 2))
            {
                await _server.Plugin.RunAsync(
                    _server.Job($$"""{"query": "{{Look}}", "transaction": "none"}""") with { TargetCluster = _cluster },
                    new FakeJobMonitor(),
                    cancellationToken);
            }

            await RunAsync(Look, cancellationToken);
        });

        var pids = await _server.ScalarAsync<int[]>("select array_agg(pid order by ctid) from seen", cancellationToken);
        Assert.That(pids, Has.Length.EqualTo(4));
        Assert.That(pids![3], Is.EqualTo(pids[0]));
        Assert.That(pids[1..3], Is.Unique.And.None.EqualTo(pids[0]));
    }

    [Test]
    public async Task Recovery_does_not_end_the_batch_that_has_the_session_now(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table first (pid int)");
        await using var holder = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await using var hold = holder.CreateCommand();
        var running = Task.CompletedTask;
        PluginJob job = null!;
        FakeJobMonitor monitor = null!;

        await BeforeSessionsAreClosedAsync(async () =>
        {
            hold.CommandText = "select pg_advisory_unlock_all()";
            await hold.ExecuteNonQueryAsync(cancellationToken);
            await running;
            hold.CommandText = "truncate first; select pg_advisory_lock(1)";
            await hold.ExecuteNonQueryAsync(cancellationToken);
            job = InCluster(_server.Batch("insert into first select pg_backend_pid()"));
            monitor = new FakeJobMonitor();
            await _server.Plugin.RunAsync(job, monitor, cancellationToken);
            running = RunAsync(
                "set application_name = 'hidden'; select pg_advisory_xact_lock(1)", cancellationToken);
            await Eventually.Is(
                async () => await _server.ScalarAsync<long>(
                    $"select count(*) {Waiting}", cancellationToken) == 1,
                cancellationToken);
        });
        Assert.That(
            await _server.ScalarAsync<bool>(
                $"select array_agg(pid) = (select array_agg(pid) from first) {Waiting}", cancellationToken),
            Is.True);

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.Committed));
        hold.CommandText = "select pg_advisory_unlock_all()";
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

    [Test]
    public async Task A_batch_runs_when_more_sessions_have_ended_than_it_tries(CancellationToken cancellationToken)
    {
        var ended = 0L;

        await BeforeSessionsAreClosedAsync(async () =>
        {
            var pids = await OpenSessionsAsync(5, (sql, _) => _server.Batch(sql), cancellationToken);
            ended = await EndAsync(pids, cancellationToken);
            await RunAsync("select 1", cancellationToken);
        });

        Assert.That(ended, Is.EqualTo(5));
    }

    [Test]
    public async Task A_question_is_asked_on_a_new_connection_when_those_of_the_pool_have_ended(
        CancellationToken cancellationToken)
    {
        await using var pool = ClusterPool.Create("test", _server.ConnectionString, pooler: null);
        var pids = new List<int>();
        await using (var first = await pool.OpenControlAsync(cancellationToken))
        await using (var second = await pool.OpenControlAsync(cancellationToken))
        {
            pids.AddRange([first.ProcessID, second.ProcessID]);
        }

        Assert.That(await EndAsync($"{{{string.Join(',', pids)}}}", cancellationToken), Is.EqualTo(2));

        var answer = await ControlQuestion.AskAsync(
            pool.OpenControlAsync,
            pool.RenewControl,
            async control =>
            {
                await using var question = new NpgsqlCommand("select 1", control);
                return await question.ExecuteScalarAsync(cancellationToken);
            },
            cancellationToken);

        Assert.That(answer, Is.EqualTo(1));
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
        _cluster = new PluginCluster(
            "behind_a_proxy", new JsonObject { ["connection_string"] = proxy.Through(_server.ConnectionString) });
        await _server.ExecuteAsync("create type mood as enum ('a')");
        var pids = await OpenSessionsAsync(5, _server.Query, cancellationToken);

        proxy.Freeze(); // nobody hears what the server says when it ends the sessions
        await EndAsync(pids, cancellationToken);
        var job = InCluster(_server.Job(context, new FakeResultWriter())) with { IsInline = isInline };
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);
        await proxy.HeldBack.WaitAsync(cancellationToken);
        proxy.Thaw();

        Assert.That(async () => await run, Throws.Nothing);
    }

    private Task<JobProgress> RunAsync(string sql, CancellationToken cancellationToken) =>
        _server.Plugin.RunAsync(InCluster(_server.Batch(sql)), new FakeJobMonitor(), cancellationToken);

    private PluginJob InCluster(PluginJob job) => job with { TargetCluster = _cluster };

    /// <summary>
    /// Does what needs the idle sessions of the pool to stay open meanwhile. A busy machine may be too slow for that:
    /// then it is done again, with a pool of its own.
    /// </summary>
    private async Task BeforeSessionsAreClosedAsync(Func<Task> actAsync)
    {
        while (true)
        {
            var start = Stopwatch.GetTimestamp();
            await actAsync();
            if (Stopwatch.GetElapsedTime(start) < _shortestIdle)
            {
                return;
            }

            _cluster = new PluginCluster($"cluster_{Guid.NewGuid():N}", _server.Cluster.Context);
        }
    }

    /// <returns>How many of these backends were there to be ended.</returns>
    private Task<long> EndAsync(string pids, CancellationToken cancellationToken) => _server.ScalarAsync<long>(
        $"select count(*) filter (where pg_terminate_backend(pid, 10000)) from pg_stat_activity "
        + $"where pid = any('{pids}')",
        cancellationToken);

    private Task<long> LivingAsync(string pids, CancellationToken cancellationToken) =>
        _server.ScalarAsync<long>($"select count(*) from pg_stat_activity where pid = any('{pids}')", cancellationToken);

    /// <summary>Runs as many jobs at one time, so that the pool has a session of each.</summary>
    private async Task<string> OpenSessionsAsync(
        int count, Func<string, IResultWriter, PluginJob> jobOf, CancellationToken cancellationToken)
    {
        await using var holder = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await using var hold = holder.CreateCommand();
        hold.CommandText = "select pg_advisory_lock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        var jobs = Enumerable.Range(0, count).Select(
            _ => InCluster(jobOf("select pg_advisory_xact_lock_shared(1)", new FakeResultWriter())));
        var runs = jobs.Select(
            job => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken)).ToArray();
        await Eventually.Is(
            async () => await _server.ScalarAsync<long>($"select count(*) {Waiting}", cancellationToken) == count,
            cancellationToken);
        var pids = await _server.ScalarAsync<string>($"select array_agg(pid)::text {Waiting}", cancellationToken);
        hold.CommandText = "select pg_advisory_unlock(1)";
        await hold.ExecuteNonQueryAsync(cancellationToken);
        await Task.WhenAll(runs);
        return pids!;
    }
}
