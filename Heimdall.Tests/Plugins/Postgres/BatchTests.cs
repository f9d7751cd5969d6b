using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Batches;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class BatchTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_batch_does_all_its_statements(CancellationToken cancellationToken)
    {
        const string sql =
            """
            create table done (i int);
            insert into done select generate_series(1, 3);
            update done set i = i + 1 where i > 1;
            select * from done;
            """;
        var monitor = new FakeJobMonitor();

        var progress = await _server.Plugin.RunAsync(_server.Batch(sql), monitor, cancellationToken);

        var length = Encoding.UTF8.GetByteCount(sql);
        Assert.That(progress, Is.EqualTo(new JobProgress
        {
            Statements = 4,
            StatementsTotal = 4,
            BytesRead = length,
            BytesTotal = length,
            RowsAffected = 5,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql))),
        }));
        Assert.That(monitor.Progress.Last(), Is.EqualTo(progress));
        Assert.That(monitor.Out.Select(line => line[..line.LastIndexOf("  ", StringComparison.Ordinal)]), Is.EqualTo(new[]
        {
            "1  line 1  CREATE TABLE  0 rows",
            "2  line 2  INSERT  3 rows",
            "3  line 3  UPDATE  2 rows",
            "4  line 4  SELECT  3 rows",
        }));
        Assert.That(await _server.ScalarAsync<long>("select sum(i) from done", cancellationToken), Is.EqualTo(8));
    }

    [Test]
    public async Task A_batch_that_fails_does_nothing_and_says_where(CancellationToken cancellationToken)
    {
        const string sql =
            """
            create table undone (i int primary key);
            insert into undone values (1);

            insert into undone
              select nonsense;
            """;
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(sql, monitor, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Sql));
        Assert.That(failure.Errors.Single(), Is.EqualTo(new StatementError { Statement = 3, Line = 5, Column = 10, SqlState = "42703", Message = "column \"nonsense\" does not exist" }));
        Assert.That(monitor.Err, Does.Contain("ERROR:  42703: column \"nonsense\" does not exist (statement 3, line 5, column 10)"));
        Assert.That(await ExistsAsync("undone", cancellationToken), Is.False);
    }

    [Test]
    public async Task A_deferred_constraint_fails_the_commit(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("create table deferred (i int unique deferrable initially deferred); insert into deferred values (1), (1)", new FakeJobMonitor(), cancellationToken);

        Assert.That(failure.SqlState, Is.EqualTo("23505"));
        Assert.That(failure.Errors[0].Detail, Does.Contain("already exists"));
        Assert.That(await ExistsAsync("deferred", cancellationToken), Is.False);
    }

    [Test]
    public async Task Copy_data_are_loaded(CancellationToken cancellationToken)
    {
        const string sql = "create table copied (i int, t text);\ncopy copied from stdin;\n1\ta\\nb\n2\t\\N\n\\.\ninsert into copied values (3);\ncopy copied to stdout;\n";
        var monitor = new FakeJobMonitor();

        var progress = await _server.Plugin.RunAsync(_server.Batch(sql), monitor, cancellationToken);

        Assert.That(progress.RowsAffected, Is.EqualTo(3));
        Assert.That(monitor.Out.ElementAt(1), Does.StartWith("2  line 2  COPY  2 rows  "));
        Assert.That(await _server.ScalarAsync<string>("select string_agg(coalesce(t, '-'), ',' order by i) from copied", cancellationToken), Is.EqualTo("a\nb,-,-"));
    }

    [Test]
    public async Task A_copy_error_names_the_line_of_the_data(CancellationToken cancellationToken)
    {
        const string sql = "create table miscopied (i int);\ncopy miscopied\nfrom stdin;\n1\nx\n\\.\n";

        var failure = await FailAsync(sql, new FakeJobMonitor(), cancellationToken);

        Assert.That((failure.SqlState, failure.Errors[0].Statement, failure.Errors[0].Line), Is.EqualTo(("22P02", (int?)2, (long?)5)));
        Assert.That(failure.Errors[0].Context, Does.StartWith("COPY miscopied, line 2"));
        Assert.That(await ExistsAsync("miscopied", cancellationToken), Is.False);
    }

    [Test]
    public async Task Notices_are_told_with_their_statement(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(_server.Batch("select 1;\ndo $$ begin raise notice 'half way' using hint = 'go on'; end $$;"), monitor, cancellationToken);

        Assert.That(monitor.Err, Is.EqualTo(new[] { "NOTICE:  half way (statement 2, line 2)", "HINT:  go on" }));
    }

    [TestCase("begin", "BEGIN is not allowed")]
    [TestCase("commit", "COMMIT is not allowed")]
    [TestCase("rollback", "ROLLBACK is not allowed")]
    [TestCase("com\\echo a\\\\mit", "COMMIT is not allowed")]
    [TestCase("select 2 \\; com\\echo a\\\\mit", "Transaction control behind \\; is not allowed")]
    public async Task What_would_end_the_one_transaction_is_refused(string statement, string says, CancellationToken cancellationToken)
    {
        var failure = await FailAsync($"select 1;\n {statement};", new FakeJobMonitor(), cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That((failure.Errors[0].Statement, failure.Errors[0].Line, failure.Errors[0].Column), Is.EqualTo(((int?)2, (long?)2, (int?)2)));
        Assert.That(failure.Message, Does.Contain(says));
    }

    [Test]
    public async Task A_commit_that_a_value_completes_is_refused_at_its_line(CancellationToken cancellationToken)
    {
        const string Sql = "\\set x mit\ncreate table half (i int);\ncom:x;\nselect 1 / 0;";

        var failure = await FailAsync(Sql, new FakeJobMonitor(), cancellationToken);

        Assert.That(failure.Message, Does.Contain("COMMIT is not allowed"));
        Assert.That((failure.Errors[0].Statement, failure.Errors[0].Line), Is.EqualTo(((int?)2, (long?)3)));
        Assert.That(await ExistsAsync("half", cancellationToken), Is.False);
    }

    [TestCase("vacuum", "25001", "VACUUM cannot run inside a transaction")]
    [TestCase("create database nowhere", "25001", "CREATE DATABASE cannot run inside a transaction")]
    [TestCase("do $$ begin commit; end $$", "2D000", "invalid transaction termination")]
    public async Task What_cannot_be_in_a_transaction_is_told_the_way_out(
        string statement, string sqlState, string says, CancellationToken cancellationToken)
    {
        var failure = await FailAsync($"select 1;\n {statement};", new FakeJobMonitor(), cancellationToken);

        Assert.That((failure.SqlState, failure.Errors[0].Statement, failure.Errors[0].Line), Is.EqualTo((sqlState, (int?)2, (long?)2)));
        Assert.That(failure.Errors[0].Hint, Is.EqualTo("The whole script is one transaction; with transaction: none each statement runs by itself."));
        Assert.That(failure.Message, Does.Contain(says));
    }

    [Test]
    public async Task The_isolation_of_the_transaction_can_be_set_first(CancellationToken cancellationToken)
    {
        const string sql = "set transaction isolation level serializable;\ncreate table isolated as select current_setting('transaction_isolation') as level;";

        await _server.Plugin.RunAsync(_server.Batch(sql), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<string>("select level from isolated", cancellationToken), Is.EqualTo("serializable"));
    }

    [Test]
    public async Task Data_that_were_asked_for_and_refused_are_no_statements(CancellationToken cancellationToken)
    {
        const string sql = "create view v as select 1 as i;\ncopy v from stdin;\n1\n\\.\nselect 2;";

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(
            _server.Job(new System.Text.Json.Nodes.JsonObject { ["query"] = sql, ["transaction"] = "none", ["on_error"] = "continue" }.ToJsonString()), new FakeJobMonitor(), cancellationToken)))!.Failure;

        Assert.That(failure.Errors.Select(error => (error.SqlState, error.Line)), Is.EqualTo(new (string?, long?)[] { ("42809", 2) }));
    }

    [Test]
    public async Task Savepoints_and_atomic_bodies_run_as_they_stand(CancellationToken cancellationToken)
    {
        const string sql =
            """
            create table saved (i int);
            savepoint s;
            insert into saved values (1);
            rollback to savepoint s;
            create function body(int) returns int begin atomic; insert into saved values ($1); select $1; end;
            select body(7);
            """;

        await _server.Plugin.RunAsync(_server.Batch(sql.Replace("rollback to savepoint s;", "release s; delete from saved;", StringComparison.Ordinal)), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<int>("select i from saved", cancellationToken), Is.EqualTo(7));
    }

    [Test]
    public async Task A_script_that_cannot_be_read_fails_at_its_line(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("create table half (i int);\nselect 'open", new FakeJobMonitor(), cancellationToken);

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(await ExistsAsync("half", cancellationToken), Is.False);
    }

    [Test]
    public async Task A_lost_session_is_a_failure(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("create table lost (i int);\nselect pg_terminate_backend(pg_backend_pid())", new FakeJobMonitor(), cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Unavailable));
        Assert.That(failure.Message, Does.StartWith("The session was lost"));
        Assert.That(await ExistsAsync("lost", cancellationToken), Is.False);
    }

    [TestCase("XX000")]
    [TestCase("F0000")]
    [TestCase("53000")]
    [TestCase("58030")]
    [TestCase("58P01")]
    [TestCase("57P01")]
    [TestCase("08P01")]
    public async Task An_error_that_the_server_survives_does_not_cost_the_session(string sqlState, CancellationToken cancellationToken)
    {
        var failure = await FailAsync($"do $$ begin raise exception 'odd' using errcode = '{sqlState}'; end $$", new FakeJobMonitor(), cancellationToken);

        Assert.That((failure.SqlState, failure.Message), Is.EqualTo((sqlState, "odd")));
        Assert.That((failure.Kind, failure.IsTransient), Is.EqualTo((JobFailureKind.Sql, false)));
    }

    [Test]
    public async Task Of_a_long_notice_or_error_only_the_beginning_is_kept(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(
            """
            do $$ begin raise notice '%', repeat('x', 50000000); end $$;
            do $$ begin raise exception '%', repeat('y', 50000000); end $$;
            """,
            monitor,
            cancellationToken);

        Assert.That(monitor.Err.First(), Is.EqualTo($"NOTICE:  {new string('x', 32 * 1024)} … (statement 1, line 1)"));
        Assert.That(failure.Message, Is.EqualTo($"{new string('y', 8192)} …"));
    }

    [TestCase("select pg_sleep(600)")]
    [TestCase("do $$ begin loop begin perform pg_sleep(600); exception when query_canceled then null; end; end loop; end $$")]
    [TestCase("copy (select i from generate_series(1, 100000000000) i) to stdout")]
    public async Task A_cancelled_batch_has_stopped_and_is_rolled_back(string statement, CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var table = $"c{Guid.NewGuid():N}";
        var job = _server.Batch($"create table {table} (i int); {statement}");
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancel.Token);
        await WaitForStatementAsync(job, statement, cancellationToken);

        cancel.Cancel();

        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
        Assert.That(await ExistsAsync(table, cancellationToken), Is.False);
    }

    [Test]
    public async Task A_cancelled_copy_in_has_stopped(CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await _server.ExecuteAsync("create table slow (i int); create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(600); return new; end'; create trigger slow before insert on slow for each row execute function slow()");
        var job = _server.Batch("select 1;\ncopy slow from stdin;\n1\n2\n\\.\n");
        var monitor = new FakeJobMonitor();
        var run = _server.Plugin.RunAsync(job, monitor, cancel.Token);
        await WaitForStatementAsync(job, "copy slow from stdin", cancellationToken);

        cancel.Cancel();

        Assert.That(async () => await run.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task An_attempt_that_lost_its_job_commits_nothing(CancellationToken cancellationToken)
    {
        var job = _server.Batch("create table overtaken (i int)");
        var monitor = new FakeJobMonitor { OnConfirm = _ => throw new AttemptLostException(job.Id, 1) };

        Assert.That(async () => await _server.Plugin.RunAsync(job, monitor, cancellationToken), Throws.InstanceOf<AttemptLostException>());

        Assert.That(await ExistsAsync("overtaken", cancellationToken), Is.False);
    }

    [Test]
    public async Task Nothing_of_a_session_reaches_the_next_job(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await server.ExecuteAsync("create schema other; create role leaky_" + server.Cluster.Id);
        try
        {
            var results = new FakeResultWriter();
            await server.Plugin.RunAsync(
                server.Job("{\"query\": \"create temp table t (i int); select pg_advisory_lock(4711); set work_mem = '1MB'; listen x; set standard_conforming_strings = off; prepare p as select 1\", \"search_path\": \"other\", \"lock_timeout_seconds\": 3, \"role\": \"leaky_"
                    + server.Cluster.Id + "\"}"),
                new FakeJobMonitor(),
                cancellationToken);
            Assert.That(await server.ScalarAsync<long>("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711", cancellationToken), Is.Zero);

            await server.Plugin.RunAsync(
                server.Query("select to_regclass('pg_temp.t'), current_setting('work_mem') = '1MB', current_setting('search_path'), current_setting('lock_timeout'), current_user = session_user, current_setting('standard_conforming_strings'), (select count(*) from pg_prepared_statements where name = 'p'), (select count(*) from pg_listening_channels()), (select count(*) from pg_stat_activity where application_name like 'heimdall ________-%')", results),
                new FakeJobMonitor(),
                cancellationToken);

            Assert.That(results.Rows[0][..8], Is.EqualTo(new[] { null, "f", "\"$user\", public", "0", "t", "on", "0", "0" }));
        }
        finally
        {
            await server.ExecuteAsync($"drop owned by leaky_{server.Cluster.Id}; drop role leaky_{server.Cluster.Id}");
        }
    }

    [Test]
    public async Task A_script_in_a_file_runs(CancellationToken cancellationToken)
    {
        _server.WriteFile("make.sql", "create table from_file (i int);");

        var progress = await _server.Plugin.RunAsync(_server.Batch("make.sql"), new FakeJobMonitor(), cancellationToken);

        Assert.That((progress.BytesTotal, progress.Statements), Is.EqualTo(((long?)31, (long?)1)));
        Assert.That(await ExistsAsync("from_file", cancellationToken), Is.True);
    }

    [Test]
    public async Task Binary_copy_data_cannot_be_in_a_script(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("create table b (i int);\ncopy b from stdin with (format binary);\n\\.\n", new FakeJobMonitor(), cancellationToken);

        Assert.That((failure.Errors[0].Statement, failure.Errors[0].Line), Is.EqualTo(((int?)2, (long?)2)));
        Assert.That(failure.Message, Does.Contain("binary COPY is not possible in a script"));
        Assert.That(await ExistsAsync("b", cancellationToken), Is.False);
    }

    [Test]
    public async Task A_batch_is_known_by_what_no_other_job_had(CancellationToken cancellationToken)
    {
        var none = """{"query": "select 1", "transaction": "none"}""";
        var known = new List<string>();
        foreach (var job in new[] { _server.Batch("select 1"), _server.Batch("select 1"), _server.Job(none), _server.Job(none) })
        {
            var monitor = new FakeJobMonitor();
            await _server.Plugin.RunAsync(job, monitor, cancellationToken);
            var evidence = PluginTestServer.Json(monitor.Evidence!);
            known.Add($"{evidence["pid"]} {evidence["started"]} {evidence["transaction_started"]}");
        }

        Assert.That(known, Is.Unique);
    }

    /// <summary>Waits until the server runs this statement of a job.</summary>
    private Task WaitForStatementAsync(PluginJob job, string statement, CancellationToken cancellationToken) => Eventually.Is(
        () => _server.ScalarAsync<bool>(
            $"""
            select exists (select from pg_stat_activity where application_name like 'heimdall {job.Id} %'
              and state = 'active' and starts_with(query, $statement${statement}$statement$))
            """,
            cancellationToken),
        cancellationToken);

    private static async Task WaitAsync(Func<bool> condition, CancellationToken cancellationToken)
    {
        while (!condition())
        {
            await Task.Delay(10, cancellationToken);
        }
    }

    private async Task<JobFailure> FailAsync(string sql, FakeJobMonitor monitor, CancellationToken cancellationToken) =>
        (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(_server.Batch(sql), monitor, cancellationToken)))!.Failure;

    private Task<bool> ExistsAsync(string table, CancellationToken cancellationToken) =>
        _server.ScalarAsync<bool>($"select to_regclass('{table}') is not null", cancellationToken);
}
