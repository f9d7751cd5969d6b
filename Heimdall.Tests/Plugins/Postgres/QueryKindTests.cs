using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Statements of every kind as a query, and the limits of their rows.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(120_000)]
public sealed class QueryKindTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync(
            """
            create table thing (i int, t text);
            insert into thing values (1, 'a'), (2, null), (3, E'x\ty');
            create procedure answer(inout a int, out b text) language plpgsql as $$ begin a := a + 1; b := 'out'; end $$;
            create function opened() returns refcursor language plpgsql as $$ declare c refcursor := 'opened'; begin open c for select 1; return c; end $$;
            """);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("table thing", 3, "i int4, t text")]
    [TestCase("values (1, 'a'), (2, 'b')", 2, "column1 int4, column2 text")]
    [TestCase("show server_version", 1, "server_version text")]
    [TestCase("explain select 1", 1, "QUERY PLAN text")]
    [TestCase("explain (format json) select 1", 1, "QUERY PLAN json")]
    [TestCase("call answer(41, null)", 1, "a int4, b text")]
    [TestCase("with w as (select 1 as a) select * from w", 1, "a int4")]
    [TestCase("select opened()", 1, "opened refcursor")]
    [TestCase("copy thing to stdout", 3, "copy text")]
    [TestCase("copy (select 1, 'x') to stdout (format csv, header)", 2, "copy text")]
    [TestCase("select", 1, "")]
    [TestCase("select from thing", 3, "")]
    public async Task Rows_and_columns_are_what_the_statement_gives(string sql, int rows, string columns, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(_server.Query(sql, results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows, Has.Count.EqualTo(rows));
        Assert.That(string.Join(", ", results.Columns!.Select(column => $"{column.Name} {column.Type}")), Is.EqualTo(columns));
    }

    [Test]
    public async Task A_copy_has_its_lines_as_rows(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var progress = await _server.Plugin.RunAsync(_server.Query("copy (select * from thing order by i) to stdout", results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows.Select(row => row[0]), Is.EqualTo(new[] { "1\ta", "2\t\\N", "3\tx\\ty" }));
        Assert.That((progress.RowCount, progress.RowsAffected), Is.EqualTo((3L, (long?)null)));
    }

    [TestCase("copy thing to stdout (format binary)", "binary")]
    [TestCase("copy thing from stdin", "COPY FROM STDIN")]
    [TestCase("fetch all from opened", "cursor \"opened\" does not exist")]
    [TestCase("begin", "BEGIN")]
    public async Task What_can_be_no_query_is_refused(string sql, string says, CancellationToken cancellationToken)
    {
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(_server.Query(sql, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That(failure.Message, Does.Contain(says));
        Assert.That(failure.Kind, Is.EqualTo(sql.StartsWith("fetch", StringComparison.Ordinal) ? JobFailureKind.Sql : JobFailureKind.Refused));
    }

    [TestCase("select repeat('x', 100) from pg_class, pg_class two, pg_class three", "byte_limit", 1000, 10)]
    [TestCase("select repeat('x', 100)", "byte_limit", 100, 1)]
    [TestCase("select repeat('x', 101)", "byte_limit", 100, 0)]
    [TestCase("select generate_series(1, 1000000000)", "row_limit", 3, 3)]
    [TestCase("copy (select generate_series(1, 1000000000)) to stdout", "row_limit", 3, 3)]
    [TestCase("select i from (select generate_series(1, 1000000000) i) s where 'update' <> i::text", "row_limit", 3, 3)]
    [TestCase("select generate_series(1, 1000000000) as \"into\" -- delete", "row_limit", 3, 3)]
    public async Task A_limit_stops_the_query_and_says_so(string sql, string limit, int value, int rows, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var job = _server.Job(new JsonObject { ["query"] = sql, ["return_result"] = true, [limit] = value }.ToJsonString(), results);

        var progress = await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That((results.Rows.Count, progress.RowCount), Is.EqualTo((rows, (long?)rows)));
        Assert.That(progress.Truncated, Is.EqualTo(!sql.Contains("100)", StringComparison.Ordinal) || sql.Contains("from", StringComparison.Ordinal)));
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task Numbers_can_be_had_as_strings(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var job = _server.Job("""{"query": "select 1::int8, 2::numeric, 3::int4, 4::float8", "return_result": true, "numbers": "string"}""", results);

        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Columns!.Select(column => column.Kind), Is.EqualTo(
            new[] { ResultValueKind.Text, ResultValueKind.Text, ResultValueKind.Number, ResultValueKind.Number }));
    }

    [Test]
    public async Task A_session_is_found_as_it_was_by_the_next_query(CancellationToken cancellationToken)
    {
        foreach (var sql in new[]
        {
            "select set_config('work_mem', '77MB', false)", "select pg_advisory_lock(77)", "create temp table leftover (i int)", "prepare leftover as select 1",
            "listen leftover", "select 1/0",
        })
        {
            await ((Task)_server.Plugin.RunAsync(_server.Query(sql, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(
            _server.Query(
                """
                select current_setting('work_mem'), to_regclass('pg_temp.leftover') is null,
                    (select count(*) from pg_locks where locktype = 'advisory' and objid = 77), (select count(*) from pg_prepared_statements), (select count(*) from pg_listening_channels())
                """,
                results),
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "4MB", "t", "0", "0", "0" }));
    }

    [Test]
    public async Task Sessions_that_died_in_the_pool_are_not_used(CancellationToken cancellationToken)
    {
        var first = new FakeResultWriter();
        await _server.Plugin.RunAsync(_server.Query("select pg_backend_pid()", first), new FakeJobMonitor(), cancellationToken);
        await _server.ScalarAsync<bool>($"select pg_terminate_backend({first.Rows[0][0]}, 10000)", cancellationToken);
        var second = new FakeResultWriter();

        for (var i = 0; i < 3; i++)
        {
            await _server.Plugin.RunAsync(_server.Query("select 1", second), new FakeJobMonitor(), cancellationToken);
        }

        Assert.That(second.Rows, Has.Count.EqualTo(3));
    }
}
