using System.Reflection;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class QueryTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("1::int2", "int2", ResultValueKind.Number, "1")]
    [TestCase("1", "int4", ResultValueKind.Number, "1")]
    [TestCase("9223372036854775807", "int8", ResultValueKind.Number, "9223372036854775807")]
    [TestCase("1::oid", "oid", ResultValueKind.Number, "1")]
    [TestCase("12345678901234567890123456789012345.6780", "numeric", ResultValueKind.Number, "12345678901234567890123456789012345.6780")]
    [TestCase("'NaN'::numeric", "numeric", ResultValueKind.Number, "NaN")]
    [TestCase("0.1::float4", "float4", ResultValueKind.Number, "0.1")]
    [TestCase("0.1::float8 + 0.2::float8", "float8", ResultValueKind.Number, "0.30000000000000004")]
    [TestCase("'-Infinity'::float8", "float8", ResultValueKind.Number, "-Infinity")]
    [TestCase("true", "bool", ResultValueKind.Boolean, "t")]
    [TestCase("'{\"a\": [1,2]}'::json", "json", ResultValueKind.Json, "{\"a\": [1,2]}")]
    [TestCase("'{\"b\":1,\"a\":2}'::jsonb", "jsonb", ResultValueKind.Json, "{\"a\": 2, \"b\": 1}")]
    [TestCase("'ü🙂'::text", "text", ResultValueKind.Text, "ü🙂")]
    [TestCase("''::text", "text", ResultValueKind.Text, "")]
    [TestCase("'x'::varchar(3)", "varchar", ResultValueKind.Text, "x")]
    [TestCase("'x'::char(3)", "bpchar", ResultValueKind.Text, "x  ")]
    [TestCase("'x'::\"char\"", "char", ResultValueKind.Text, "x")]
    [TestCase("'x'::name", "name", ResultValueKind.Text, "x")]
    [TestCase("'\\x01ff'::bytea", "bytea", ResultValueKind.Text, "\\x01ff")]
    [TestCase("'00112233-4455-6677-8899-aabbccddeeff'::uuid", "uuid", ResultValueKind.Text, "00112233-4455-6677-8899-aabbccddeeff")]
    [TestCase("date '2024-02-29'", "date", ResultValueKind.Text, "2024-02-29")]
    [TestCase("time '01:02:03.5'", "time", ResultValueKind.Text, "01:02:03.5")]
    [TestCase("timetz '01:02:03+02'", "timetz", ResultValueKind.Text, "01:02:03+02")]
    [TestCase("timestamp '2024-01-02 03:04:05'", "timestamp", ResultValueKind.Text, "2024-01-02 03:04:05")]
    [TestCase("timestamptz '2024-01-02 03:04:05.123456+00'", "timestamptz", ResultValueKind.Text, "2024-01-02T03:04:05.123456Z")]
    [TestCase("timestamptz '2024-01-02 03:04:05+05:30'", "timestamptz", ResultValueKind.Text, "2024-01-01T21:34:05Z")]
    [TestCase("timestamptz '-infinity'", "timestamptz", ResultValueKind.Text, "-infinity")]
    [TestCase("timestamptz '0044-03-15 12:00:00+00 BC'", "timestamptz", ResultValueKind.Text, "0044-03-15 12:00:00+00 BC")]
    [TestCase("timestamptz '12024-01-02 03:04:05+00'", "timestamptz", ResultValueKind.Text, "12024-01-02 03:04:05+00")]
    [TestCase("interval '1 year 2 mons 3 days 04:05:06'", "interval", ResultValueKind.Text, "1 year 2 mons 3 days 04:05:06")]
    [TestCase("inet '10.0.0.1/8'", "inet", ResultValueKind.Text, "10.0.0.1/8")]
    [TestCase("cidr '10.0.0.0/8'", "cidr", ResultValueKind.Text, "10.0.0.0/8")]
    [TestCase("macaddr '08:00:2b:01:02:03'", "macaddr", ResultValueKind.Text, "08:00:2b:01:02:03")]
    [TestCase("macaddr8 '08:00:2b:01:02:03:04:05'", "macaddr8", ResultValueKind.Text, "08:00:2b:01:02:03:04:05")]
    [TestCase("1.5::money", "money", ResultValueKind.Text, "$1.50")]
    [TestCase("B'101'", "bit", ResultValueKind.Text, "101")]
    [TestCase("B'101'::varbit", "varbit", ResultValueKind.Text, "101")]
    [TestCase("point '(1,2)'", "point", ResultValueKind.Text, "(1,2)")]
    [TestCase("line '{1,2,3}'", "line", ResultValueKind.Text, "{1,2,3}")]
    [TestCase("lseg '[(1,2),(3,4)]'", "lseg", ResultValueKind.Text, "[(1,2),(3,4)]")]
    [TestCase("box '(3,4),(1,2)'", "box", ResultValueKind.Text, "(3,4),(1,2)")]
    [TestCase("path '((1,2),(3,4))'", "path", ResultValueKind.Text, "((1,2),(3,4))")]
    [TestCase("polygon '((1,2),(3,4))'", "polygon", ResultValueKind.Text, "((1,2),(3,4))")]
    [TestCase("circle '<(1,2),3>'", "circle", ResultValueKind.Text, "<(1,2),3>")]
    [TestCase("xmlelement(name a)", "xml", ResultValueKind.Text, "<a/>")]
    [TestCase("'a b'::tsvector", "tsvector", ResultValueKind.Text, "'a' 'b'")]
    [TestCase("'a & b'::tsquery", "tsquery", ResultValueKind.Text, "'a' & 'b'")]
    [TestCase("'$.a'::jsonpath", "jsonpath", ResultValueKind.Text, "$.\"a\"")]
    [TestCase("'0/16B3748'::pg_lsn", "pg_lsn", ResultValueKind.Text, "0/16B3748")]
    [TestCase("'10:20:10,14'::pg_snapshot", "pg_snapshot", ResultValueKind.Text, "10:20:10,14")]
    [TestCase("'10:20:10,14'::txid_snapshot", "txid_snapshot", ResultValueKind.Text, "10:20:10,14")]
    [TestCase("'7'::xid", "xid", ResultValueKind.Text, "7")]
    [TestCase("'7'::xid8", "xid8", ResultValueKind.Text, "7")]
    [TestCase("'7'::cid", "cid", ResultValueKind.Text, "7")]
    [TestCase("'(1,2)'::tid", "tid", ResultValueKind.Text, "(1,2)")]
    [TestCase("'pg_type'::regclass", "regclass", ResultValueKind.Text, "pg_type")]
    [TestCase("'int4'::regtype", "regtype", ResultValueKind.Text, "integer")]
    [TestCase("'1 2'::int2vector", "int2vector", ResultValueKind.Text, "1 2")]
    [TestCase("'1 2'::oidvector", "oidvector", ResultValueKind.Text, "1 2")]
    [TestCase("int4range(1,5)", "int4range", ResultValueKind.Text, "[1,5)")]
    [TestCase("nummultirange(numrange(1,5))", "nummultirange", ResultValueKind.Text, "{[1,5)}")]
    [TestCase("array[1,null,3]", "int4[]", ResultValueKind.Text, "{1,NULL,3}")]
    [TestCase("array['a b','c']", "text[]", ResultValueKind.Text, "{\"a b\",c}")]
    [TestCase("row(1,'a')", "record", ResultValueKind.Text, "(1,a)")]
    [TestCase("makeaclitem(10, 10, 'SELECT', false)", "aclitem", ResultValueKind.Text, "postgres=r/postgres")]
    [TestCase("'abs(int4)'::regprocedure", "regprocedure", ResultValueKind.Text, "abs(integer)")]
    [TestCase("'now'::regproc", "regproc", ResultValueKind.Text, "now")]
    [TestCase("'||/'::regoper", "regoper", ResultValueKind.Text, "||/")]
    [TestCase("'+(int4,int4)'::regoperator", "regoperator", ResultValueKind.Text, "+(integer,integer)")]
    [TestCase("'postgres'::regrole", "regrole", ResultValueKind.Text, "postgres")]
    [TestCase("'pg_catalog'::regnamespace", "regnamespace", ResultValueKind.Text, "pg_catalog")]
    [TestCase("'english'::regconfig", "regconfig", ResultValueKind.Text, "english")]
    [TestCase("'simple'::regdictionary", "regdictionary", ResultValueKind.Text, "simple")]
    [TestCase("'\"C\"'::regcollation", "regcollation", ResultValueKind.Text, "\"C\"")]
    [TestCase("'c'::refcursor", "refcursor", ResultValueKind.Text, "c")]
    [TestCase("int8range(1,5)", "int8range", ResultValueKind.Text, "[1,5)")]
    [TestCase("numrange(1,5)", "numrange", ResultValueKind.Text, "[1,5)")]
    [TestCase("tsrange('2024-01-02', null)", "tsrange", ResultValueKind.Text, "[\"2024-01-02 00:00:00\",)")]
    [TestCase("tstzrange('2024-01-02Z', null)", "tstzrange", ResultValueKind.Text, "[\"2024-01-02 00:00:00+00\",)")]
    [TestCase("daterange('2024-01-02', null)", "daterange", ResultValueKind.Text, "[2024-01-02,)")]
    [TestCase("int4multirange(int4range(1,5))", "int4multirange", ResultValueKind.Text, "{[1,5)}")]
    [TestCase("int8multirange(int8range(1,5))", "int8multirange", ResultValueKind.Text, "{[1,5)}")]
    [TestCase("tsmultirange(tsrange('2024-01-02', null))", "tsmultirange", ResultValueKind.Text, "{[\"2024-01-02 00:00:00\",)}")]
    [TestCase("tstzmultirange(tstzrange('2024-01-02Z', null))", "tstzmultirange", ResultValueKind.Text, "{[\"2024-01-02 00:00:00+00\",)}")]
    [TestCase("datemultirange(daterange('2024-01-02', null))", "datemultirange", ResultValueKind.Text, "{[2024-01-02,)}")]
    [TestCase("null::int4", "int4", ResultValueKind.Number, null)]
    public async Task A_value_is_shown_exactly(string expression, string type, ResultValueKind kind, string? text, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(_server.Query($"select {expression} as c", results), new FakeJobMonitor(), cancellationToken);

        Assert.That(
            results.Columns!.Select(column => column with { Form = null }),
            Is.EqualTo(new[] { new ResultColumn("c", type, kind) }));
        Assert.That(results.Rows.Single().Single(), Is.EqualTo(text));
    }

    [Test]
    public async Task The_table_of_types_misses_none(CancellationToken cancellationToken)
    {
        var shown = GetType().GetMethod(nameof(A_value_is_shown_exactly))!.GetCustomAttributes<TestCaseAttribute>().Select(test => (string)test.Arguments[1]!).ToHashSet();
        var types = (await _server.ScalarAsync<string[]>(
            "select array_agg(typname::text) from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and not exists (select from pg_type e where e.typarray = pg_type.oid)",
            cancellationToken))!;

        Assert.That(types.Except(shown).Except(NotValues), Is.Empty);
    }

    private static readonly string[] NotValues =
    [
        // The server makes these itself, and takes no text for them.
        "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary",

        // Stands only in GiST indexes.
        "gtsvector",
    ];

    [Test]
    public async Task Types_made_later_are_named_and_domains_are_what_is_under_them(CancellationToken cancellationToken)
    {
        await _server.Plugin.ProbeAsync(_server.Cluster, cancellationToken);
        await _server.ExecuteAsync("create type mood as enum ('sad'); create domain age as int4; create type pair as (a int, b int)");
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(_server.Query("select 'sad'::mood, array['sad'::mood], 7::age, '(1,2)'::pair", results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Columns!.Select(column => column.Type), Is.EqualTo(new[] { "mood", "mood[]", "int4", "pair" }));
        Assert.That(results.Columns![2].Kind, Is.EqualTo(ResultValueKind.Number));
        Assert.That(results.Rows[0], Is.EqualTo(new[] { "sad", "{sad}", "7", "(1,2)" }));
    }

    [Test]
    public async Task Large_values_come_whole(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var progress = await _server.Plugin.RunAsync(_server.Query("select repeat('x', 3000000), i from generate_series(1, 3) i", results), new FakeJobMonitor(), cancellationToken);

        Assert.That(progress.RowCount, Is.EqualTo(3));
        Assert.That(results.Rows.Select(row => row[0]!.Length), Is.All.EqualTo(3_000_000));
        Assert.That(results.Rows[2][1], Is.EqualTo("3"));
    }

    [TestCase("select generate_series(1, 100000000) i")]
    [TestCase("select i from generate_series(1, 5) i")]
    public async Task A_row_limit_ends_the_result_and_the_statement(string sql, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var job = _server.Job(new JsonObject { ["query"] = sql, ["return_result"] = true, ["row_limit"] = 3 }.ToJsonString(), results);

        var progress = await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((3L, true)));
        Assert.That(results.Rows, Has.Count.EqualTo(3));
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_row_limit_that_is_not_reached_truncates_nothing(CancellationToken cancellationToken)
    {
        var job = _server.Job("""{"query": "select 1 union select 2", "return_result": true, "row_limit": 2}""", new FakeResultWriter());

        var progress = await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated), Is.EqualTo((2L, false)));
    }

    [Test]
    public async Task A_row_limit_does_not_undo_what_was_written(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table limited (i int)");
        var job = _server.Job("""{"query": "insert into limited select generate_series(1, 10) returning i", "return_result": true, "row_limit": 1}""", new FakeResultWriter());

        var progress = await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That((progress.RowCount, progress.Truncated, progress.RowsAffected), Is.EqualTo((1L, true, 10L)));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from limited", cancellationToken), Is.EqualTo(10));
    }

    [TestCase("create table made (i int)", null)]
    [TestCase("create table filled as select 1", null)]
    [TestCase("vacuum pg_type", null)]
    [TestCase("do $$ begin perform 1; end $$", null)]
    [TestCase("create function atomic() returns int begin atomic; select 1; select 2; end;", null)]
    public async Task A_statement_without_rows_has_no_columns(string sql, long? rowsAffected, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var progress = await _server.Plugin.RunAsync(_server.Query(sql, results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Columns, Is.Empty);
        Assert.That((progress.RowCount, progress.RowsAffected), Is.EqualTo((0L, rowsAffected)));
    }

    [Test]
    public async Task An_error_has_its_line_column_and_position(CancellationToken cancellationToken)
    {
        var job = _server.Query("-- 🙂\nselect 1,\n  nonsense", new FakeResultWriter());

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Sql));
        Assert.That(failure.Errors.Single(), Is.EqualTo(new StatementError { SqlState = "42703", Message = "column \"nonsense\" does not exist", Line = 3, Column = 3, Position = 18 }));
    }

    [TestCase("select $1", 1)]
    [TestCase("select '$1', $2::int + $1::int", 1)]
    public async Task A_placeholder_without_a_value_is_no_parameter(string sql, int number, CancellationToken cancellationToken)
    {
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(_server.Query(sql, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That((failure.SqlState, failure.Message), Is.EqualTo(("42P02", $"there is no parameter ${number}")));
    }

    [Test]
    public async Task A_function_body_may_name_its_parameters(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        await _server.Plugin.RunAsync(_server.Query("create function twice(int) returns int return $1 * 2", new FakeResultWriter()), new FakeJobMonitor(), cancellationToken);

        await _server.Plugin.RunAsync(_server.Query("select twice(21), '$1'", results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows[0], Is.EqualTo(new[] { "42", "$1" }));
    }

    [Test]
    public async Task A_failure_after_some_rows_is_a_failure(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(
            _server.Query("select 1 / (3 - i) from generate_series(1, 5) i", results), new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That(failure.SqlState, Is.EqualTo("22012"));
    }

    [TestCase("insert into pg_temp.x values (1)")]
    [TestCase("create table not_made (i int)")]
    [TestCase("select set_config('transaction_read_only', 'off', false)")]
    [TestCase("set transaction read write")]
    public async Task A_read_only_query_cannot_write(string sql, CancellationToken cancellationToken)
    {
        var job = _server.Job(new JsonObject { ["query"] = sql, ["return_result"] = true, ["read_only"] = true }.ToJsonString(), new FakeResultWriter());

        Assert.That(
            async () => await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken),
            Throws.InstanceOf<JobFailedException>());
        Assert.That(await _server.ScalarAsync<long>("select count(*) from pg_class where relname = 'not_made'", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_read_only_query_reads(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var job = _server.Job("""{"query": "show transaction_read_only", "return_result": true, "read_only": true, "row_limit": 5}""", results);

        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows[0][0], Is.EqualTo("on"));
    }

    [TestCase("select 1; select 2", "2 found")]
    [TestCase("-- nothing", "no statement")]
    [TestCase("copy pg_type from stdin", "COPY")]
    [TestCase("commit", "COMMIT")]
    [TestCase("select 'x", "quoted")]
    public void Only_one_query_is_planned(string sql, string says)
    {
        var job = _server.Query(sql, new FakeResultWriter());

        var refusal = Assert.Throws<JobRefusedException>(() => _server.Plugin.Plan(job.CommandContext, job.Context));

        Assert.That(refusal.Problems.Single().Path, Is.EqualTo("query"));
        Assert.That(refusal.Message, Does.Contain(says));
    }

    [Test]
    public async Task A_query_can_be_a_file(CancellationToken cancellationToken)
    {
        _server.WriteFile("sub/one.sql", "-- a comment\n  select nonsense;\n");
        var job = _server.Query("sub/one.sql", new FakeResultWriter());

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That((failure.Errors[0].Line, failure.Errors[0].Column, failure.Errors[0].Position), Is.EqualTo(((long?)2, (int?)10, (int?)null)));
    }

    [TestCase("select pg_sleep(600)")]
    [TestCase("select count(*) from pg_class a, pg_class b, pg_class c, pg_class d")]
    [TestCase("select sum(length(repeat(md5(i::text), 1000))) from generate_series(1, 1000) i, generate_series(1, 1000000) j")]
    [TestCase("do $$ begin loop begin perform pg_sleep(600); exception when query_canceled then null; end; end loop; end $$")]
    public async Task A_cancelled_query_has_stopped(string sql, CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var job = _server.Query(sql, new FakeResultWriter());
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancel.Token);
        await Eventually.Is(async () => await _server.ScalarAsync<long>($"select count(*) from pg_stat_activity where application_name like 'heimdall {job.Id} %' and query = $q${sql}$q$", cancellationToken) == 1, cancellationToken);

        cancel.Cancel();

        Assert.That(async () => await run, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_writer_that_fails_stops_the_query(CancellationToken cancellationToken)
    {
        var job = _server.Query("select generate_series(1, 1000000000) i", new FakeResultWriter { OnRow = rows => { if (rows == 5) { throw new IOException("gone"); } } });

        Assert.That(async () => await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken), Throws.InstanceOf<IOException>());

        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_writer_that_fails_with_an_exception_of_npgsql_stops_the_query_and_is_not_the_cluster(CancellationToken cancellationToken)
    {
        var gone = new NpgsqlException("Heimdall's own store is gone");
        var job = _server.Query("select generate_series(1, 1000000000) i", new FakeResultWriter { OnRow = rows => { if (rows == 5) { throw gone; } } });

        var thrown = await Assert.ThrowsAsync<NpgsqlException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken).WaitAsync(TimeSpan.FromSeconds(20), cancellationToken));

        Assert.That(thrown, Is.SameAs(gone));
        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
    }

    [Test]
    public async Task A_query_stopped_while_its_rows_are_written_has_not_written(CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await _server.ExecuteAsync("create table stopped (i int)");
        var job = _server.Query("insert into stopped values (1), (2) returning i", CancelOnRow(cancel));

        await Assert.ThrowsAsync<OperationCanceledException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancel.Token).WaitAsync(cancellationToken));

        Assert.That(await _server.ScalarAsync<long>("select count(*) from stopped", cancellationToken), Is.Zero);
    }

    [TestCase(true, JobFailureKind.OutcomeUnknown)]
    [TestCase(false, JobFailureKind.Unavailable)]
    public async Task Of_a_query_whose_session_ends_in_the_commit_only_a_queued_one_knows_the_outcome(
        bool isInline, JobFailureKind expected, CancellationToken cancellationToken)
    {
        var table = $"broken_{(isInline ? "inline" : "queued")}";
        await _server.ExecuteAsync(
            $"""
            create table {table} (i int);
            create function {table}() returns trigger language plpgsql as
                $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
            create constraint trigger broken after insert on {table} deferrable initially deferred
                for each row execute function {table}()
            """);
        var query = _server.Query($"insert into {table} values (1) returning i", new FakeResultWriter());
        var job = query with { IsInline = isInline };

        var failed = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken).WaitAsync(cancellationToken));

        Assert.That((failed.Failure.Kind, failed.Failure.IsUndone), Is.EqualTo((expected, !isInline)));
        Assert.That(await _server.ScalarAsync<long>($"select count(*) from {table}", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_deferred_constraint_fails_the_query(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table deferred (i int unique deferrable initially deferred)");
        var job = _server.Query("insert into deferred values (1), (1) returning i", new FakeResultWriter());

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Sql, "23505")));
    }

    [TestCase("call on_its_way(0)")]
    [TestCase("do $$ begin insert into on_its_way values (0); commit; end $$")]
    [TestCase("cluster")]
    public async Task What_commits_by_itself_runs(string sql, CancellationToken cancellationToken)
    {
        await MakeProcedureAsync(cancellationToken);

        Assert.That(async () => await _server.Plugin.RunAsync(_server.Query(sql, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken), Throws.Nothing);
    }

    [Test]
    public async Task A_call_that_has_taken_effect_when_it_is_stopped_is_done(CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await _server.ExecuteAsync("create table called (i int); create procedure called(inout i int) language sql as 'insert into called values (1) returning i'");
        var results = CancelOnRow(cancel);

        var progress = await _server.Plugin.RunAsync(_server.Query("call called(1)", results), new FakeJobMonitor(), cancel.Token);

        Assert.That((progress.RowCount, results.Rows.Count), Is.EqualTo((1L, 1)));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from called", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_call_that_is_stopped_after_it_committed_has_no_known_outcome(CancellationToken cancellationToken)
    {
        await MakeProcedureAsync(cancellationToken);

        var end = await StopAsync("call on_its_way(600)", cancellationToken);

        Assert.That((end as JobFailedException)?.Failure.Kind, Is.EqualTo(JobFailureKind.OutcomeUnknown));
    }

    [Test]
    public async Task An_index_that_is_stopped_while_it_is_built_concurrently_has_no_known_outcome(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync(
            "create table indexed (i int); insert into indexed values (1); create function slow(int) returns int immutable language plpgsql as $$ begin perform pg_sleep(600); return $1; end $$");

        var end = await StopAsync("create index concurrently slowly on indexed (slow(i))", cancellationToken);

        Assert.That((end as JobFailedException)?.Failure.Kind, Is.EqualTo(JobFailureKind.OutcomeUnknown));
    }

    [Test]
    public async Task A_call_that_is_stopped_before_it_committed_is_stopped(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create or replace procedure long_way() language plpgsql as $$ begin perform pg_sleep(600); commit; end $$");

        Assert.That(await StopAsync("call long_way()", cancellationToken), Is.InstanceOf<OperationCanceledException>());
    }

    private async Task MakeProcedureAsync(CancellationToken cancellationToken) => await _server.ScalarAsync<int>(
        """
        select pg_advisory_xact_lock(1);
        create table if not exists on_its_way (i int);
        create or replace procedure on_its_way(seconds int) language plpgsql as $$ begin insert into on_its_way values (1); commit; perform pg_sleep(seconds); end $$
        """,
        cancellationToken);

    private async Task<Exception?> StopAsync(string sql, CancellationToken cancellationToken)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var job = _server.Query(sql, new FakeResultWriter());
        var run = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancel.Token);
        await Eventually.Is(async () => await _server.ScalarAsync<long>($"select count(*) from pg_stat_activity where application_name like 'heimdall {job.Id} %' and wait_event = 'PgSleep'", cancellationToken) == 1, cancellationToken);

        await cancel.CancelAsync();
        await ((Task)run).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        Assert.That(await _server.BackendsAsync(job.Id), Is.Zero);
        return run.IsCanceled ? new OperationCanceledException() : run.Exception?.InnerException;
    }

    private static FakeResultWriter CancelOnRow(CancellationTokenSource cancel) => new()
    {
        OnRow = _ => cancel.Cancel(),
        OnFlush = token => token.ThrowIfCancellationRequested(),
    };

    [Test]
    public async Task The_servers_own_timeout_is_a_deadline(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        await server.ExecuteAsync(
            "do $$ begin execute format('alter database %I set statement_timeout = 200', current_database()); end $$");
        var job = server.Query("select pg_sleep(60)", new FakeResultWriter());

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.TimedOut));
    }

    [TestCase("60", "11min")]
    [TestCase("2147483", "2147483647ms")]
    public async Task The_server_has_a_limit_behind_the_deadline(
        string seconds, string expected, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var job = _server.Job(
            $$"""{"query": "show statement_timeout", "return_result": true, "timeout_seconds": {{seconds}}}""", results);

        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { expected }));
    }
}
