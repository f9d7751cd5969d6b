using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What is said on the way of a short query, and what is left of it in the session.</summary>
[CancelAfter(60_000)]
public sealed class ShortQueryTests
{
    private PluginTestServer _server = null!;
    private RecordingProxy _proxy = null!;
    private PluginCluster _cluster = null!;

    [SetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        _proxy = new RecordingProxy(_server.ConnectionString);
        _cluster = new PluginCluster("recorded", new JsonObject { ["connection_string"] = _proxy.ConnectionString });
        await _server.ExecuteAsync(
            """
            create table kept as select 1 as i;
            create function remember() returns int language plpgsql as $$ begin
                perform set_config('search_path', 'nowhere', false), pg_advisory_lock(7);
                create temp table left_over (i int);
                return 1;
            end $$;
            create view remembering as select remember();
            """);
        await RunAsync("select 0");
        _proxy.Clear();
    }

    [TearDown]
    public async Task Stop()
    {
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCase("select 1", 2, false)]
    [TestCase("select 1 as one, 'a' as text, null;", 2, false)]
    [TestCase("select i from kept where i = 1", 2, true)]
    [TestCase("select 1, max(i) from kept", 3, true, Description = "a function could have changed the encoding")]
    public async Task It_is_one_write_without_begin_and_commit(string sql, int statements, bool resets)
    {
        await RunAsync(sql);

        var write = _proxy.Writes.Single();
        Assert.That(write.Split("P\0\0").Length - 1, Is.EqualTo(statements), write);
        Assert.That(write.ToUpperInvariant(), Does.Not.Contain("BEGIN").And.Not.Contain("COMMIT"));
        Assert.That(write.Contains("discard all", StringComparison.Ordinal), Is.EqualTo(resets));
    }

    [Test]
    public async Task Only_what_differs_is_set()
    {
        await RunAsync("select 1");
        await RunAsync("select 1", """, "role": "postgres", "search_path": "public", "lock_timeout_seconds": 3""");

        Assert.That(_proxy.Writes.First().Split("set_config").Length - 1, Is.EqualTo(1), "the name of the job");
        Assert.That(_proxy.Writes.Last().Split("set_config").Length - 1, Is.EqualTo(4));
    }

    [TestCase("select 1")]
    [TestCase("select remember()")]
    [TestCase("select * from remembering")]
    [TestCase("select set_config('role', 'pg_monitor', false)")]
    [TestCase("select 1 / 0")]
    public async Task It_leaves_its_session_as_it_found_it(string sql)
    {
        const string Look =
            """
            select pg_backend_pid(), current_user, current_setting('search_path'), current_setting('lock_timeout'),
                current_setting('statement_timeout'), to_regclass('pg_temp.left_over'),
                (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
                current_setting('transaction_read_only')
            """;
        const string More =
            """, "role": "postgres", "search_path": "public", "lock_timeout_seconds": 3, "timeout_seconds": 30""";
        var before = await RunAsync(Look);

        try
        {
            await RunAsync(sql, More);
        }
        catch (JobFailedException)
        {
            // It failed, and leaves as little.
        }

        Assert.That(await RunAsync(Look), Is.EqualTo(before));
        Assert.That(
            await _server.ScalarAsync<string>(
                $"select application_name from pg_stat_activity where pid = {before[0]}"),
            Is.EqualTo("heimdall"));
    }

    [TestCase("select * from kept", false)]
    [TestCase("insert into kept values (2)", true)]
    public async Task One_that_only_reads_writes_nothing(string sql, bool fails)
    {
        JobFailedException? failure = null;
        try
        {
            await RunAsync(sql, """, "read_only": true""");
        }
        catch (JobFailedException e)
        {
            failure = e;
        }

        Assert.That(failure?.Failure.SqlState, Is.EqualTo(fails ? "25006" : null));
    }

    [Test]
    public async Task A_select_whose_function_writes_fails_where_it_must_only_read()
    {
        await _server.ExecuteAsync(
            """
            create function add_one() returns int language plpgsql as $$ begin
                insert into kept values (2); return 2; end $$;
            create function add_anyway() returns int language plpgsql as $$ begin
                perform set_config('transaction_read_only', 'off', true); insert into kept values (3); return 3; end $$;
            """);

        await RunAsync("select add_one()");

        foreach (var sql in new[] { "select add_one()", "select add_anyway()" })
        {
            Assert.That(
                async () => await RunAsync(sql, """, "read_only": true"""), Throws.InstanceOf<JobFailedException>());
        }

        Assert.That(await _server.ScalarAsync<long>("select count(*) from kept"), Is.EqualTo(2));
    }

    [Test]
    public async Task What_fails_at_the_end_of_its_transaction_has_failed()
    {
        await _server.ExecuteAsync(
            """
            create table late (i int primary key, other int references late (i) deferrable initially deferred);
            create function add_late() returns int language plpgsql as $$ begin
                insert into late values (1, 2); return 1; end $$;
            """);

        var failure = await Assert.ThrowsAsync<JobFailedException>(() => RunAsync("select add_late()"));

        Assert.That((failure!.Failure.SqlState, failure.Failure.IsUndone), Is.EqualTo(("23503", true)));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from late"), Is.Zero);
    }

    [Test]
    public async Task Rows_of_a_view_in_another_encoding_are_refused()
    {
        await _server.ExecuteAsync(
            "create view latin as select 'é' as text, set_config('client_encoding', 'LATIN1', false) as encoding");

        var failure = await Assert.ThrowsAsync<JobFailedException>(() => RunAsync("select * from latin"));

        Assert.That(failure!.Failure.Message, Does.Contain("client_encoding"));
        Assert.That(await RunAsync("select 'é'"), Is.EqualTo(new[] { "é" }));
    }

    private async Task<string?[]> RunAsync(string sql, string more = "")
    {
        var results = new FakeResultWriter();
        var context = $$"""{"query": {{JsonValue.Create(sql).ToJsonString()}}, "return_result": true{{more}}}""";
        var job = _server.Job(context, results) with { TargetCluster = _cluster, IsInline = true };
        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), TestContext.CurrentContext.CancellationToken);
        return results.Rows.Count == 0 ? [] : [.. results.Rows[0]];
    }
}
