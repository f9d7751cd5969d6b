using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What the modes of a batch leave in the database, and what they say of it. The differential suite compares them with psql.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class BatchModeTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task Without_a_transaction_what_came_before_the_error_stays(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("create table kept (i int);\ninsert into kept values (1);\ninsert into kept values (1/0);\ninsert into kept values (3);", "stop", cancellationToken);

        Assert.That((failure.SqlState, failure.Errors.Count, failure.Errors[0].Statement, failure.Errors[0].Line), Is.EqualTo(("22012", 1, (int?)3, (long?)3)));
        Assert.That(await _server.ScalarAsync<long>("select sum(i) from kept", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task Going_on_after_errors_runs_all_the_others_and_lists_each_error(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        const string sql = "create table most (i int);\nselect 1/(2-i) from generate_series(1,3) i;\ninsert into most values (1);\nnonsense;\ninsert into most\nvalues (missing);\ninsert into most values (2);";

        var failure = await FailAsync(sql, "continue", cancellationToken, monitor);

        Assert.That(failure.Errors.Select(error => (error.SqlState, error.Statement, error.Line, error.Column)), Is.EqualTo(new (string?, int?, long?, int?)[]
        {
            ("22012", 2, 2, null), ("42601", 4, 4, 1), ("42703", 5, 6, 9),
        }));
        Assert.That(failure.Message, Is.EqualTo("3 statements failed; the first: division by zero"));
        Assert.That(await _server.ScalarAsync<long>("select sum(i) from most", cancellationToken), Is.EqualTo(3));
        Assert.That((monitor.Progress.Last().Statements, monitor.Progress.Last().Errors!.Count), Is.EqualTo(((long?)3, 3)));
    }

    [Test]
    public async Task Statements_that_refuse_a_transaction_just_run_without_one(CancellationToken cancellationToken)
    {
        const string sql = "create table vacuumed (i int); insert into vacuumed values (1); vacuum vacuumed; create index concurrently on vacuumed (i); insert into vacuumed values (2);";

        var progress = await _server.Plugin.RunAsync(Batch(sql, "stop"), new FakeJobMonitor(), cancellationToken);

        Assert.That((progress.Statements, progress.RowsAffected), Is.EqualTo(((long?)5, (long?)2)));
    }

    [Test]
    public async Task Each_statement_has_its_own_time(CancellationToken cancellationToken)
    {
        var inserts = string.Concat(Enumerable.Repeat("insert into moments default values;\n", 500));

        await _server.Plugin.RunAsync(Batch($"create table moments (at timestamptz default now() unique);\n{inserts}", "stop"), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<long>("select count(*) from moments", cancellationToken), Is.EqualTo(500));
    }

    [Test]
    public async Task A_block_of_the_scripts_own_that_stays_open_is_rolled_back_and_said(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        await _server.Plugin.RunAsync(Batch("create table outer_part (i int); begin; create table inner_part (i int);", "stop"), monitor, cancellationToken);

        Assert.That(await _server.ScalarAsync<bool>("select to_regclass('inner_part') is null and to_regclass('outer_part') is not null", cancellationToken), Is.True);
        Assert.That(monitor.Err, Has.Some.Contains("ended inside a transaction block"));
    }

    [Test]
    public async Task A_deferred_constraint_fails_the_statement_that_it_commits_with(CancellationToken cancellationToken)
    {
        const string sql = "create table later (i int unique deferrable initially deferred);\ninsert into later values (1);\ninsert into later values (1);\ninsert into later values (2);";

        var failure = await FailAsync(sql, "stop", cancellationToken);

        Assert.That((failure.SqlState, failure.Errors[0].Statement, failure.Errors[0].Line), Is.EqualTo(("23505", (int?)3, (long?)3)));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from later", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_script_in_another_encoding_says_so_and_is_taken_at_its_word(CancellationToken cancellationToken)
    {
        var script = Encoding.Latin1.GetBytes("create table words (w text);\nset client_encoding to 'LATIN1';\ninsert into words values ('caf\u00e9');\ncopy words from stdin;\nna\u00efve\n\\.\nset client_encoding to 'UTF8';\n")
            .Concat(Encoding.UTF8.GetBytes("insert into words values ('\u00e9');\n")).ToArray();
        await File.WriteAllBytesAsync(Path.Combine(_server.Directory, "latin.sql"), script, cancellationToken);

        await _server.Plugin.RunAsync(_server.Batch("latin.sql"), new FakeJobMonitor(), cancellationToken);

        Assert.That(await _server.ScalarAsync<string>("select string_agg(w, ' ' order by w collate \"C\") from words", cancellationToken), Is.EqualTo("caf\u00e9 na\u00efve \u00e9"));
    }

    [Test]
    public async Task An_encoding_that_cannot_be_split_is_refused_at_its_line(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("create table sjis (i int);\nset client_encoding to 'SJIS';\nselect 1;", "stop", cancellationToken);

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.Contain("convert it to UTF-8"));
    }

    [Test]
    public async Task Bytes_that_are_no_utf8_are_the_servers_to_refuse(CancellationToken cancellationToken)
    {
        await File.WriteAllBytesAsync(Path.Combine(_server.Directory, "broken.sql"), [.. "select 1;\nselect '"u8, 0xE9, .. "';\n"u8], cancellationToken);

        var failed = await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(_server.Batch("broken.sql"), new FakeJobMonitor(), cancellationToken));

        Assert.That((failed!.Failure.SqlState, failed.Failure.Errors[0].Line), Is.EqualTo(("22021", (long?)2)));
    }

    [Test]
    public async Task A_copy_that_fails_before_its_data_leaves_them_to_be_read_as_sql(CancellationToken cancellationToken)
    {
        const string sql = "copy nowhere from stdin;\n1\n\\.\nselect 1;\ncreate table after_copy (i int);";

        var failure = await FailAsync(sql, "continue", cancellationToken);

        Assert.That(failure.Errors.Select(error => (error.SqlState, error.Line)), Is.EqualTo(new (string?, long?)[] { ("42P01", 1), ("42601", 2) }));
        Assert.That(await _server.ScalarAsync<bool>("select to_regclass('after_copy') is not null", cancellationToken), Is.True);
    }

    [Test]
    public async Task A_stopped_batch_without_a_transaction_says_what_is_done(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var monitor = new FakeJobMonitor();
        var job = Batch("create table begun (i int); select pg_sleep(600); insert into begun values (1);", "stop");
        var run = _server.Plugin.RunAsync(job, monitor, stop.Token);
        while (!await _server.ScalarAsync<bool>($"select exists (select from pg_stat_activity where application_name like 'heimdall {job.Id} %' and query = 'select pg_sleep(600)')", cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        await stop.CancelAsync();
        var interrupted = await Assert.ThrowsAsync<JobInterruptedException>(() => run);

        Assert.That(interrupted!.Message, Does.Contain("statement 1 is known to be done"));
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_commit_that_fails_ends_its_block(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var monitor = new FakeJobMonitor();
        const string sql =
            "create table put_off (i int unique deferrable initially deferred);\nbegin;\ninsert into put_off values (1), (1);\ncommit;\ninsert into put_off values (2);\nselect pg_sleep(600);";
        var job = Batch(sql, "continue");
        var run = _server.Plugin.RunAsync(job, monitor, stop.Token);
        await Eventually.Is(
            () => _server.ScalarAsync<bool>($"select exists (select from pg_stat_activity where application_name like 'heimdall {job.Id} %' and wait_event = 'PgSleep')", cancellationToken),
            cancellationToken);

        await stop.CancelAsync();
        var interrupted = await Assert.ThrowsAsync<JobInterruptedException>(() => run);

        Assert.That(interrupted!.Message, Does.Contain("of statements 1 to 5 those that did not fail are known to be done"));
        Assert.That((monitor.Progress.Last().ResumeFrom, monitor.Progress.Last().RowsAffected), Is.EqualTo(((long?)6, (long?)1)));
        Assert.That(await _server.ScalarAsync<long>("select sum(i) from put_off", cancellationToken), Is.EqualTo(2));
    }

    [Test]
    public async Task The_fate_of_a_batch_without_a_transaction_is_that_it_was_interrupted(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var job = Batch("select 1", "stop");
        await _server.Plugin.RunAsync(job, monitor, cancellationToken);

        Assert.That(await _server.Plugin.FindFateAsync(job, monitor.Evidence, cancellationToken), Is.EqualTo(AttemptFate.Interrupted));
    }

    private async Task<JobFailure> FailAsync(string sql, string onError, CancellationToken cancellationToken, FakeJobMonitor? monitor = null) =>
        (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(Batch(sql, onError), monitor ?? new FakeJobMonitor(), cancellationToken)))!.Failure;

    private PluginJob Batch(string sql, string onError) =>
        _server.Job(new JsonObject { ["query"] = sql, ["transaction"] = "none", ["on_error"] = onError }.ToJsonString());
}
