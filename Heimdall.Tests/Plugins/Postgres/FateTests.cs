using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What becomes known of attempts. Each test has sessions of its own: recovery ends those of a lost attempt, pooled or not.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[CancelAfter(60_000)]
public sealed class FateTests
{
    private const string AnotherAttempt = "heimdall 0192f0a0-0000-7000-8000-000000000000 1";

    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_running_attempt_is_ended_before_it_is_judged(CancellationToken cancellationToken)
    {
        var job = _server.Batch("create table running (i int); select pg_sleep(600)");
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        Assert.That(await Task.WhenAny(run, monitor.Started).WaitAsync(cancellationToken), Is.EqualTo(monitor.Started), () => $"The batch ended before it began: {run.Exception}");

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
    }

    [Test]
    public async Task A_session_that_hides_its_name_is_found(
        [Values("hidden", AnotherAttempt)] string name,
        [Values] bool showsTransactions,
        CancellationToken cancellationToken)
    {
        var shown = showsTransactions ? "on" : "off";
        await _server.ExecuteAsync(
            "do $$ begin execute format('alter database %I set track_activities = "
            + $"{shown}', current_database()); end $$");
        var job = _server.Batch($"set application_name = '{name}'; select pg_sleep(600)");
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        while (monitor.Out.IsEmpty)
        {
            Assert.That(run.IsCompleted, Is.False, () => $"The batch ended before its first statement: {run.Exception}");
            await Task.Delay(10, cancellationToken);
        }

        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));

        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
    }

    [TestCase("select set_config('application_name', '{0}', false), pg_sleep(600)", AttemptFate.NothingHappened)]
    [TestCase(
        "do $$ begin perform set_config('application_name', '{0}', false); commit; perform pg_sleep(600); end $$",
        AttemptFate.Unknown)]
    public async Task A_query_that_hides_the_name_of_its_session_is_found(
        string sql, AttemptFate expected, CancellationToken cancellationToken)
    {
        var job = _server.Query(string.Format(null, sql, AnotherAttempt), new FakeResultWriter());
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        await Eventually.Is(
            async () => await _server.ScalarAsync<long>(
                $"select count(*) from pg_stat_activity where application_name = '{AnotherAttempt}' "
                + "and datname = current_database()",
                cancellationToken) == 1,
            cancellationToken);

        Assert.That(
            await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(expected));

        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
    }

    [Test]
    public async Task A_committed_attempt_is_known_as_such(CancellationToken cancellationToken)
    {
        var job = _server.Batch("create table committed (i int)");
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Committed));
    }

    [Test]
    public async Task A_failed_attempt_did_nothing(CancellationToken cancellationToken)
    {
        var job = _server.Batch("select nonsense");
        var monitor = new FakeJobMonitor();
        await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, monitor, cancellationToken));

        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
    }

    [Test]
    public async Task Another_server_or_a_transaction_it_never_had_is_unknown(CancellationToken cancellationToken)
    {
        var job = _server.Batch("create table elsewhere (i int)");
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);
        var evidence = PluginTestServer.Json(monitor.Evidence!);

        evidence["timeline"] = 99;
        Assert.That(await _server.Plugin.FindFateAsync(job, evidence.ToJsonString(), cancellationToken), Is.EqualTo(AttemptFate.Unknown));

        evidence = PluginTestServer.Json(monitor.Evidence!);
        evidence["system"] = "1";
        Assert.That(await _server.Plugin.FindFateAsync(job, evidence.ToJsonString(), cancellationToken), Is.EqualTo(AttemptFate.Unknown));

        evidence = PluginTestServer.Json(monitor.Evidence!);
        evidence["xid"] = "4000000000000";
        Assert.That(await _server.Plugin.FindFateAsync(job, evidence.ToJsonString(), cancellationToken), Is.EqualTo(AttemptFate.Unknown));

        Assert.That(await _server.Plugin.FindFateAsync(job, "not json", cancellationToken), Is.EqualTo(AttemptFate.Unknown));
    }

    [Test]
    public async Task Without_evidence_a_queued_job_did_nothing_and_an_inline_query_that_may_write_is_unknown(CancellationToken cancellationToken)
    {
        var query = _server.Query("select 1", new FakeResultWriter());

        Assert.That(await _server.Plugin.FindFateAsync(_server.Batch("select 1"), null, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await _server.Plugin.FindFateAsync(query, null, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await _server.Plugin.FindFateAsync(query with { IsInline = true }, null, cancellationToken), Is.EqualTo(AttemptFate.Unknown));

        var readOnly = _server.Job("""{"query": "select 1", "return_result": true, "read_only": true}""");
        Assert.That(await _server.Plugin.FindFateAsync(readOnly, null, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
    }

    [TestCase("insert into {0} values (1) returning i")]
    [TestCase("select {0}()")]
    public async Task A_queued_query_that_wrote_is_known_to_be_committed_or_undone(
        string sql, CancellationToken cancellationToken)
    {
        var job = await WriterAsync(sql);
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);
        var lost = await WriterAsync(sql);
        var refused = new FakeJobMonitor { OnConfirm = _ => throw new AttemptLostException(lost.Id, 1) };
        await Assert.ThrowsAsync<AttemptLostException>(() => _server.Plugin.RunAsync(lost, refused, cancellationToken));

        Assert.That(
            await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken),
            Is.EqualTo(AttemptFate.Committed));
        Assert.That(
            await _server.Plugin.FindFateAsync(lost, refused.Evidence, cancellationToken),
            Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await _server.ScalarAsync<long>($"select count(*) from t{lost.Id:N}", cancellationToken), Is.Zero);
    }

    [TestCase("select 1", AttemptFate.NothingHappened)]
    [TestCase("vacuum", AttemptFate.Unknown)]
    public async Task Of_a_queued_query_without_a_transaction_only_what_commits_by_itself_is_unknown(
        string sql, AttemptFate expected, CancellationToken cancellationToken)
    {
        var job = _server.Query(sql, new FakeResultWriter());
        var monitor = new FakeJobMonitor { OnConfirm = _ => throw new AttemptLostException(job.Id, 1) };
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        var fate = await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(expected));
    }

    [Test]
    public async Task The_rows_of_a_queued_query_are_durable_before_its_transaction_is_recorded(
        CancellationToken cancellationToken)
    {
        var rows = new FakeResultWriter();
        var ended = new List<bool>();
        var job = (await WriterAsync("insert into {0} values (1) returning i")) with { Results = rows };
        var monitor = new FakeJobMonitor
        {
            OnEvidence = _ =>
            {
                ended.Add(rows.HasEnded);
                return Task.CompletedTask;
            },
        };

        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(ended, Is.EqualTo(new[] { false, true }));
    }

    [Test]
    public async Task A_command_with_new_ceilings_does_not_hide_a_fate(CancellationToken cancellationToken)
    {
        const string command = """{"max_timeout_seconds": 1, "max_row_limit": 1, "read_only": true}""";
        var batch = _server.Job("""{"query": "select 1", "timeout_seconds": 60}""", command: command);
        var query = _server.Job("""{"query": "select 1", "return_result": true, "read_only": false, "row_limit": 60}""", command: command) with { IsInline = true };

        Assert.That(await _server.Plugin.FindFateAsync(batch, null, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));
        Assert.That(await _server.Plugin.FindFateAsync(query, null, cancellationToken), Is.EqualTo(AttemptFate.Unknown));
    }

    [Test]
    public async Task A_busy_cluster_is_alive(CancellationToken cancellationToken)
    {
        var busy = new PluginCluster("busy", new() { ["connection_string"] = _server.ConnectionString + ";Maximum Pool Size=1" });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var job = _server.Query("select pg_sleep(600)", new FakeResultWriter()) with { TargetCluster = busy };
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), stop.Token);
        await Eventually.Is(async () => await _server.BackendsAsync(job.Id) == 1, cancellationToken);

        await _server.Plugin.ProbeAsync(busy, cancellationToken).WaitAsync(TimeSpan.FromSeconds(10), cancellationToken);
        var fate = await _server.Plugin.FindFateAsync(_server.Batch("select 1") with { TargetCluster = busy }, null, cancellationToken).WaitAsync(TimeSpan.FromSeconds(10), cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.NothingHappened));
        await stop.CancelAsync();
        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
    }

    [TestCase("pg_sleep(600)")]
    [TestCase("pg_terminate_backend(pg_backend_pid())")]
    public async Task A_connection_that_breaks_in_the_commit_is_judged_by_the_server(string atCommit, CancellationToken cancellationToken)
    {
        var name = $"t{Guid.NewGuid():N}";
        var job = _server.Batch(
            $"create table {name} (i int); create function {name}() returns trigger language plpgsql as $$ begin perform {atCommit}; return null; end $$;"
            + $"create constraint trigger {name} after insert on {name} deferrable initially deferred for each row execute function {name}(); insert into {name} values (1)");
        var confirmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var monitor = new FakeJobMonitor { OnConfirm = _ => { confirmed.TrySetResult(); return Task.CompletedTask; } };
        var run = _server.Plugin.RunAsync(job, monitor, cancellationToken);
        Assert.That(await Task.WhenAny(run, confirmed.Task).WaitAsync(cancellationToken), Is.EqualTo(confirmed.Task), () => $"The batch ended before its commit: {run.Exception}");

        await _server.ScalarAsync<bool>($"select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'heimdall {job.Id} %'", cancellationToken);

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => run.WaitAsync(cancellationToken))).Failure;
        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Unavailable));
        Assert.That(await _server.ScalarAsync<bool>($"select to_regclass('{name}') is not null", cancellationToken), Is.False);
    }

    /// <summary>A worker that was frozen wakes when another has the job.</summary>
    [Test]
    public async Task A_newer_attempt_is_left_alone_by_one_that_loses_its_connection_in_the_commit(CancellationToken cancellationToken)
    {
        var name = $"t{Guid.NewGuid():N}";
        var older = _server.Batch(
            $"create table {name} (i int); create function {name}() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return null; end $$;"
            + $"create constraint trigger {name} after insert on {name} deferrable initially deferred for each row execute function {name}(); insert into {name} values (1)");
        var confirmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var olderRun = _server.Plugin.RunAsync(
            older, new FakeJobMonitor { OnConfirm = _ => { confirmed.TrySetResult(); return Task.CompletedTask; } }, cancellationToken);
        Assert.That(await Task.WhenAny(olderRun, confirmed.Task).WaitAsync(cancellationToken), Is.EqualTo(confirmed.Task), () => $"The batch ended before its commit: {olderRun.Exception}");
        var (newerRun, stop) = await StartNewerAsync(older, cancellationToken);

        await _server.ScalarAsync<bool>($"select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heimdall {older.Id} 1'", cancellationToken);

        Assert.That(async () => await olderRun.WaitAsync(cancellationToken), Throws.InstanceOf<JobFailedException>());
        await AssertGoesOnAsync(older, newerRun, stop, cancellationToken);
    }

    [Test]
    public async Task A_newer_attempt_is_left_alone_by_one_that_judges_those_before_it(CancellationToken cancellationToken)
    {
        var older = _server.Batch("select 1");
        var (newerRun, stop) = await StartNewerAsync(older, cancellationToken);

        Assert.That(await _server.Plugin.FindFateAsync(older, null, cancellationToken), Is.EqualTo(AttemptFate.NothingHappened));

        await AssertGoesOnAsync(older, newerRun, stop, cancellationToken);
    }

    [Test]
    public async Task A_session_of_the_pool_that_serves_another_job_by_now_is_left_alone(
        CancellationToken cancellationToken)
    {
        var cluster = new PluginCluster(
            $"cluster_{Guid.NewGuid():N}",
            new() { ["connection_string"] = _server.ConnectionString + ";Maximum Pool Size=1" });
        var older = await WriterAsync("insert into {0} values (1) returning pg_backend_pid()");
        var monitor = new FakeJobMonitor();
        await _server.Plugin.RunAsync(older with { TargetCluster = cluster }, monitor, cancellationToken);
        var newer = _server.Query("select pg_sleep(600)", new FakeResultWriter()) with { TargetCluster = cluster };
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = _server.Plugin.RunAsync(newer, new FakeJobMonitor(), stop.Token);
        await Eventually.Is(async () => await _server.BackendsAsync(newer.Id) == 1, cancellationToken);

        var fate = await _server.Plugin.FindFateAsync(older, monitor.Evidence, cancellationToken);

        Assert.That(fate, Is.EqualTo(AttemptFate.Committed));
        Assert.That(
            await _server.ScalarAsync<int>(
                $"select pid from pg_stat_activity where application_name like 'heimdall {newer.Id} %'",
                cancellationToken),
            Is.EqualTo((int)PluginTestServer.Json(monitor.Evidence!)["pid"]!),
            "it has the same session");
        await AssertGoesOnAsync(newer, run, stop, cancellationToken);
    }

    [Test]
    public async Task A_session_that_ends_just_before_the_commit_is_a_failure(CancellationToken cancellationToken)
    {
        var name = $"t{Guid.NewGuid():N}";
        var job = _server.Batch($"create table {name} (i int)");
        var monitor = new FakeJobMonitor
        {
            OnConfirm = token => _server.ScalarAsync<bool>($"select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'heimdall {job.Id} %'", token),
        };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, monitor, cancellationToken).WaitAsync(cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Unavailable));
        Assert.That(await _server.ScalarAsync<bool>($"select to_regclass('{name}') is not null", cancellationToken), Is.False);
    }

    private async Task<(Task Run, CancellationTokenSource Stop)> StartNewerAsync(PluginJob older, CancellationToken cancellationToken)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var newer = older with { Attempt = older.Attempt + 1, Context = _server.Batch("select pg_sleep(600)").Context };
        var run = _server.Plugin.RunAsync(newer, new FakeJobMonitor(), stop.Token);
        await Eventually.Is(
            () => _server.ScalarAsync<bool>($"select exists (select from pg_stat_activity where application_name = 'heimdall {older.Id} 2' and wait_event = 'PgSleep')", cancellationToken),
            cancellationToken);
        return (run, stop);
    }

    private async Task AssertGoesOnAsync(PluginJob job, Task run, CancellationTokenSource stop, CancellationToken cancellationToken)
    {
        using (stop)
        {
            Assert.That(await _server.BackendsAsync(job.Id), Is.EqualTo(1));
            await stop.CancelAsync();
            Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>(), "it ran until it was stopped");
        }
    }

    /// <summary>A job with a table of its own, and a function that writes into it.</summary>
    private async Task<PluginJob> WriterAsync(string sql)
    {
        var job = _server.Query("select 1", new FakeResultWriter());
        var name = $"t{job.Id:N}";
        await _server.ExecuteAsync(
            $"""
            create table {name} (i int);
            create function {name}() returns int language sql as $$ insert into {name} values (1) returning i $$
            """);
        var query = _server.Query(string.Format(provider: null, sql, name), new FakeResultWriter());
        return job with { Context = query.Context };
    }
}
