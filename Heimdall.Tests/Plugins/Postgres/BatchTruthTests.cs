using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Scripts that make it hard to say what became of them.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class BatchTruthTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ScalarAsync<object>("create table isolated (level text); create table undone (i int)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    // A function called begin hides the COMMIT from a scanner that counts BEGIN ... END, psql's as well as ours.
    [TestCase("commit", "vacuum")]
    [TestCase("commit; start transaction", "select 1/0")]
    [TestCase("commit; start transaction", "select 1")]
    [TestCase("rollback", "select 1/0")]
    public async Task A_hidden_end_of_the_transaction_is_not_told_as_a_plain_rollback(string hidden, string last, CancellationToken cancellationToken)
    {
        var name = $"hidden_{Guid.NewGuid():N}";
        var schema = $"create schema {name}; set search_path = {name}";
        var sql = $"{schema};\ncreate table {name} (i int);\ncreate function begin() returns int language sql as 'select 1'; {hidden}; select 1 as end;\n{last};";

        var failure = await FailAsync(new() { ["query"] = sql }, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.OutcomeUnknown), failure.Message);
        Assert.That(failure.Message, Does.Contain("ended the transaction"));
        Assert.That(
            await _server.ScalarAsync<bool>($"select to_regclass('{name}.{name}') is not null", cancellationToken),
            Is.EqualTo(hidden.StartsWith("commit", StringComparison.Ordinal)));
    }

    [TestCase("do $$ begin insert into {0} values (2); commit; end $$")]
    [TestCase("create procedure {0}_end() language plpgsql as $$ begin insert into {0} values (2); commit; end $$; call {0}_end()")]
    public async Task A_commit_in_a_routine_commits_nothing(string hidden, CancellationToken cancellationToken)
    {
        var name = $"routine_{Guid.NewGuid():N}";

        var failure = await FailAsync(new() { ["query"] = $"create table {name} (i int); {string.Format(null, hidden, name)}; select 1" }, cancellationToken);

        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Sql, "2D000")), failure.Message);
        Assert.That(await _server.ScalarAsync<bool>($"select to_regclass('{name}') is null", cancellationToken), Is.True);
    }

    [Test]
    public async Task Errors_before_the_end_of_the_session_stay_listed(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(WithoutTransaction("continue", "select 1/0;\nselect nope;\nselect pg_terminate_backend(pg_backend_pid());\nselect 1"), cancellationToken);

        Assert.That(failure.Errors.Select(error => (error.SqlState, error.Statement)), Is.EqualTo(new (string?, int?)[] { ("57P01", 3), ("22012", 1), ("42703", 2) }));
        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Unavailable, "57P01")));
        Assert.That(
            failure.Message,
            Does.StartWith("The session was lost").And.Contain("none of its statements is known to be done")
                .And.EndsWith("Before that, 2 statements failed; the first: division by zero"));
    }

    [Test]
    public async Task A_script_that_cannot_be_read_on_says_so_before_what_failed(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(
            WithoutTransaction("continue", "select 1/0;\nset client_encoding = 'SJIS';\nselect 2;"), cancellationToken);

        Assert.That(
            failure.Message,
            Does.StartWith("A script in the encoding SJIS cannot be split into statements safely")
                .And.EndsWith("Before that, a statement failed: division by zero"));
        Assert.That((failure.Kind, failure.Errors.Count), Is.EqualTo((JobFailureKind.Refused, 2)));
    }

    [Test]
    public async Task A_stop_that_cannot_be_made_sure_of_says_what_is_done(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_server.ConnectionString);
        var cluster = new JsonObject { ["connection_string"] = proxy.Through(_server.ConnectionString) };
        var job = Job(WithoutTransaction("stop", "create table not_sure_of (i int);\nselect pg_sleep(600);"));
        job = job with { TargetCluster = new PluginCluster($"through {proxy.Port}", cluster) };
        var monitor = new FakeJobMonitor();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = _server.Plugin.RunAsync(job, monitor, stop.Token);
        await Eventually.Is(() => Task.FromResult(!monitor.Out.IsEmpty), cancellationToken);

        proxy.Freeze();
        await stop.CancelAsync();
        await proxy.CutAsync();

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => run))!.Failure;
        Assert.That(
            failure.Message,
            Does.Contain("could not be reached").And.Contain("statement 1 is known to be done and stays done"));
    }

    [Test]
    public async Task What_is_asked_before_the_first_statement_is_not_asked_after_an_error(
        CancellationToken cancellationToken)
    {
        var failure = await FailAsync(new() { ["query"] = "lock table nope; select 1;" }, cancellationToken);

        Assert.That((failure.SqlState, failure.Errors.Count), Is.EqualTo(("42P01", 1)));
    }

    [TestCase("create table some_done (i int);\nselect 1/0;\n", "of statements 1 to 2 those that did not fail are known")]
    [TestCase("select 1/0;\n", "none of its statements is known to be done")]
    public async Task Only_what_is_done_is_said_to_be_done(string sql, string says, CancellationToken cancellationToken)
    {
        var failure = await FailAsync(
            WithoutTransaction("continue", $"{sql}select pg_terminate_backend(pg_backend_pid());"), cancellationToken);

        Assert.That(failure.Message, Does.Contain(says));
    }

    [Test]
    public async Task A_session_that_ends_on_the_way_leaves_what_is_done(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(WithoutTransaction("stop", "create table left_behind (i int);\nselect pg_terminate_backend(pg_backend_pid());"), cancellationToken);

        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Unavailable, "57P01")));
        Assert.That(failure.Message, Does.Contain("statement 1 is known to be done and stays done"));
        Assert.That(await _server.ScalarAsync<bool>("select to_regclass('left_behind') is not null", cancellationToken), Is.True);
    }

    [Test]
    public async Task A_timeout_of_the_scripts_own_is_an_error_like_others(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(WithoutTransaction("continue", "set statement_timeout = '20ms'; select pg_sleep(60); reset statement_timeout; create table went_on (i int)"), cancellationToken);

        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Sql, "57014")));
        Assert.That(await _server.ScalarAsync<bool>("select to_regclass('went_on') is not null", cancellationToken), Is.True);
    }

    [TestCase("single", "stop", false)]
    [TestCase("none", "stop", false)]
    [TestCase("none", "continue", true)]
    public async Task A_copy_is_fed_however_its_table_is_written(string transaction, string onError, bool isUppercase, CancellationToken cancellationToken)
    {
        var name = $"fed_{transaction}_{onError}";
        var from = isUppercase ? "FROM STDIN" : "from stdin";
        await _server.ScalarAsync<object>($"create table {name} (i int)", cancellationToken);

        await _server.Plugin.RunAsync(
            Job(new() { ["query"] = $"copy U&\"public\" uescape '!' . U&\"{name}\" uescape '!' {from};\n1\n2\n\\.\n", ["transaction"] = transaction, ["on_error"] = onError }),
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That(await _server.ScalarAsync<long>($"select sum(i) from {name}", cancellationToken), Is.EqualTo(3));
    }

    [Test]
    public async Task What_a_trigger_says_in_the_commit_is_heard(CancellationToken cancellationToken)
    {
        const string sql = """
            create table deferred (i int);
            create function speak() returns trigger language plpgsql as $$ begin raise notice 'spoken late'; return null; end $$;
            create constraint trigger late after insert on deferred deferrable initially deferred for each row execute function speak();
            insert into deferred values (1);
            """;
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(_server.Batch(sql), monitor, cancellationToken);

        Assert.That(monitor.Err, Has.Some.Contains("spoken late"));
    }

    [TestCase("reset work_mem; set transaction isolation level serializable; insert into isolated values (current_setting('transaction_isolation'))", "serializable")]
    [TestCase("reset parallel_setup_cost; set transaction isolation level serializable; insert into isolated values ('part of a word')", "part of a word")]
    [TestCase("set work_mem = '1MB' /* application_name */; set transaction isolation level serializable; insert into isolated values ('comment')", "comment")]
    [TestCase("lock table isolated; set transaction isolation level repeatable read; insert into isolated values (current_setting('transaction_isolation'))", "repeatable read")]
    [TestCase("set constraints all deferred; set transaction isolation level serializable; insert into isolated values ('deferred')", "deferred")]
    public async Task What_the_transaction_is_may_be_set_behind_settings_and_locks(string sql, string expected, CancellationToken cancellationToken)
    {
        await _server.Plugin.RunAsync(_server.Batch(sql), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<bool>($"select '{expected}' in (select level from isolated)", cancellationToken), Is.True);
    }

    [Test]
    public async Task A_search_path_cannot_make_the_evidence_lie(CancellationToken cancellationToken)
    {
        await _server.ScalarAsync<object>("create schema evil; create function evil.pg_current_xact_id() returns xid8 language sql as $$ select '1'::xid8 $$", cancellationToken);

        var progress = await _server.Plugin.RunAsync(_server.Batch("set search_path = evil, pg_catalog; create table evil.made (i int)"), new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(2));
    }

    [TestCase("begin; insert into undone values (1), (2); rollback; insert into undone values (3)", 1)]
    [TestCase("insert into undone values (3); begin; insert into undone values (1), (2)", 1)]
    [TestCase("begin; insert into undone values (1), (2); commit and chain; insert into undone values (3); rollback", 2)]
    public async Task Rows_that_were_rolled_back_are_not_affected(string sql, long expected, CancellationToken cancellationToken)
    {
        var progress = await _server.Plugin.RunAsync(Job(WithoutTransaction("stop", sql)), new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.RowsAffected, Is.EqualTo(expected));
    }

    [Test]
    public async Task The_hash_of_a_script_that_failed_is_that_of_all_of_it(CancellationToken cancellationToken)
    {
        var script = Encoding.UTF8.GetBytes($"select 1/0;\n{string.Concat(Enumerable.Repeat("select 'something more';\n", 20_000))}");
        await File.WriteAllBytesAsync(Path.Combine(_server.Directory, "hashed.sql"), script, cancellationToken);
        var monitor = new FakeJobMonitor();

        await FailAsync(new() { ["query"] = "hashed.sql" }, cancellationToken, monitor);

        Assert.That(monitor.Progress.Last().Sha256, Is.EqualTo(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(script))));
    }

    [Test]
    public async Task A_setting_of_how_strings_are_read_is_noticed_in_any_case(CancellationToken cancellationToken)
    {
        const string sql = "create table read_as (t text);\nselect set_config('Standard_Conforming_Strings', 'off', false);\ninsert into read_as values ('a\\'b');\n";

        await _server.Plugin.RunAsync(_server.Batch(sql), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<string>("select t from read_as", cancellationToken), Is.EqualTo("a'b"));
    }

    [Test]
    public async Task A_stopped_attempt_ends_its_own_session_and_not_the_next_ones(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var stopNext = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var job = _server.Batch("select pg_sleep(600)");
        var (first, next) = (new FakeJobMonitor(), new FakeJobMonitor());
        var stopped = _server.Plugin.RunAsync(job, first, stop.Token);
        var running = _server.Plugin.RunAsync(job with { Attempt = 2 }, next, stopNext.Token);
        await first.Started.WaitAsync(cancellationToken);
        await next.Started.WaitAsync(cancellationToken);

        await stop.CancelAsync();
        await Assert.ThatAsync(() => stopped, Throws.InstanceOf<OperationCanceledException>());

        Assert.That((running.IsCompleted, await _server.BackendsAsync(job.Id)), Is.EqualTo((false, 1)));
        await stopNext.CancelAsync();
        await Assert.ThatAsync(() => running, Throws.InstanceOf<OperationCanceledException>());
    }

    private static JsonObject WithoutTransaction(string onError, string sql) => new() { ["query"] = sql, ["transaction"] = "none", ["on_error"] = onError };

    private PluginJob Job(JsonObject context) => _server.Job(context.ToJsonString());

    private async Task<JobFailure> FailAsync(JsonObject context, CancellationToken cancellationToken, FakeJobMonitor? monitor = null) =>
        (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(Job(context), monitor ?? new FakeJobMonitor(), cancellationToken)))!.Failure;
}
