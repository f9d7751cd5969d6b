using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Batches;
using Heimdall.Plugins.Postgres.Psql;
using Heimdall.Plugins.Postgres.Scripts;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>psql's commands in a batch. That they do what psql does is compared in the corpus.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class PsqlTests
{
    private const string Single = """{"transaction": "single"}""";
    private const string Stop = """{"transaction": "none"}""";
    private const string Continue = """{"transaction": "none", "on_error": "continue"}""";

    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop_server() => await _server.DisposeAsync();

    [TestCase(Single)]
    [TestCase(Stop)]
    [TestCase(Continue)]
    public async Task All_that_is_refused_is_found_before_anything_runs(
        string mode, CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"""
            create table {table} (i int);
            \! touch x
            select 1 as yes \gset
            \if :yes
            \o out.txt
            \else
            select 1 \g | cat
            \endif
            \i nowhere.sql
            \set x `date`
            \prompt 'Who?' who
            """;
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(sql, cancellationToken, mode, monitor: monitor);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(
            failure.Message,
            Does.StartWith("6 places of the script are refused, so that none of it runs; the first: \\!"));
        Assert.That(failure.Errors.Select(error => error.Line), Is.EqualTo(new long?[] { 2, 5, 7, 9, 10, 11 }));
        Assert.That(await ExistsAsync(table, cancellationToken), Is.False);
        Assert.That(monitor.Out, Is.Empty);
    }

    [TestCase("")]
    [TestCase("  ")]
    [TestCase("-- nothing\n")]
    public async Task What_stands_behind_a_variable_without_a_statement_is_refused(
        string value, CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (i int); insert into {table} values (1);\n:e\n\\g\n";
        var context = new JsonObject { ["variables"] = new JsonObject { ["e"] = value } };

        var failure = await FailAsync(sql, cancellationToken, context.ToJsonString());

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain("hold no statement"));
        Assert.That(await ExistsAsync(table, cancellationToken), Is.False);
    }

    [TestCase("HOST")]
    [TestCase("ROW_COUNT")]
    public async Task A_variable_of_the_job_does_not_lose_to_one_of_psql(
        string name, CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (name text); insert into {table} values (:'{name}');";
        var context = new JsonObject { ["variables"] = new JsonObject { [name] = "mine" } };

        var refused = await FailAsync(sql, cancellationToken, context.ToJsonString());
        context["psql"] = false;
        await RunAsync(sql, cancellationToken, context.ToJsonString());

        Assert.That(refused.Message, Does.Contain(name).And.Contain("is psql's own"));
        Assert.That(
            await _server.ScalarAsync<string>($"select name from {table}", cancellationToken), Is.EqualTo("mine"));
    }

    [Test]
    public async Task Without_its_commands_no_variable_of_psql_has_a_meaning(CancellationToken cancellationToken)
    {
        var table = NewName();

        await RunAsync(
            $"create table {table} (i int); insert into {table} values (1);", cancellationToken,
            """{"psql": false, "transaction": "none", "variables": {"AUTOCOMMIT": "off", "ON_ERROR_STOP": "off"}}""");

        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_resume_does_not_pass_over_a_setting_among_other_commands(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"set work_mem = '8MB'\\; set search_path = public;\nselect 1;\nselect 1 / 0 from {table};\n";
        var job = _server.Job(Context(sql, Stop).ToJsonString()) with { Resume = new ResumePoint(3, Hash(sql)) };

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken)))!.Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain("Statement 1 is several commands"));
    }

    [Test]
    public async Task A_preview_names_all_that_is_refused(CancellationToken cancellationToken)
    {
        var job = _server.Batch("select 1;\n\\! x\nselect 2;\n\\w f\nvacuum;\n\\connect elsewhere\n");

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.PreviewAsync(job, cancellationToken)))!.Failure;

        Assert.That(failure.Errors.Select(error => error.Line), Is.EqualTo(new long?[] { 2, 4, 5, 6 }));
    }

    [Test]
    public async Task A_preview_lists_the_statements_that_run(CancellationToken cancellationToken)
    {
        _server.WriteFile("previewed.sql", "select 2;\n");
        var job = _server.Batch(
            "\\set x 1\n\\if :x\nselect 1;\n\\i previewed.sql\n\\else\nselect 3;\n\\endif\nselect 4 \\g\n");

        var preview = await _server.Plugin.PreviewAsync(job, cancellationToken);

        Assert.That(
            preview.Statements.Select(statement => (statement.Statement, statement.Line)),
            Is.EqualTo(new[] { (1, 3L), (2, 1L), (3, 8L) }));
    }

    [TestCase("\\timing on\n")]
    [TestCase("\\pset format csv\n")]
    [TestCase("\\d+ pg_class\n")]
    [TestCase("\\dt *.*;\n")]
    [TestCase("\\l\n")]
    [TestCase("\\set VERBOSITY verbose\n")]
    [TestCase("\\set QUIET on\n")]
    [TestCase("\\set\n")]
    [TestCase("\\encoding\n")]
    public async Task What_only_shows_something_is_skipped_with_a_line_in_the_log(
        string command, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var progress = await RunAsync($"select 1;\n{command}select 2;\n", cancellationToken, monitor: monitor);

        Assert.That(progress.Statements, Is.EqualTo(2));
        Assert.That(
            monitor.Out.Where(line => line.StartsWith("line 2  \\", StringComparison.Ordinal)), Has.Exactly(1).Items);
    }

    [Test]
    public async Task What_a_script_says_stands_in_the_log_between_its_statements(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        await RunAsync(
            "\\set who 'the world'\nselect 1;\n\\echo -n Hello,\n\\echo '' :who \"q\"\n\\warn 'Mind' :'who'\n"
            + "select 2;\n",
            cancellationToken,
            monitor: monitor);

        var lines = monitor.Out.ToList();
        Assert.That(lines, Has.Count.EqualTo(3));
        Assert.That(lines[1], Is.EqualTo("Hello, the world \"q\""));
        Assert.That(monitor.Err, Is.EqualTo(new[] { "Mind 'the world'" }));
    }

    [Test]
    public async Task A_condition_that_is_no_boolean_is_false_and_warned_of(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var progress = await RunAsync(
            "\\if maybe\nselect 1;\n\\endif\nselect 2;\n", cancellationToken, monitor: monitor);

        Assert.That(progress.Statements, Is.EqualTo(1));
        Assert.That(
            monitor.Err.Single(), Does.StartWith("WARNING:  \\if takes \"maybe\" for false").And.Contains("line 1"));
    }

    [Test]
    public async Task Files_are_recorded_with_their_hashes(CancellationToken cancellationToken)
    {
        const string inner = "select 2;\n";
        const string data = "1\n2\n";
        var table = NewName();
        _server.WriteFile("hashed/inner.sql", inner);
        _server.WriteFile("hashed/data.txt", data);
        var monitor = new FakeJobMonitor();

        var progress = await RunAsync(
            $"create table {table} (i int);\n\\i hashed/inner.sql\n\\copy {table} from hashed/data.txt\n"
            + $"\\i hashed/inner.sql\n",
            cancellationToken,
            monitor: monitor);

        Assert.That(
            progress.Files,
            Is.EqualTo(
                new[] { new FileHash("hashed/data.txt", Hash(data)), new FileHash("hashed/inner.sql", Hash(inner)) }));
        Assert.That((progress.Statements, progress.RowsAffected), Is.EqualTo((4L, 2L)));
        Assert.That(monitor.Out.ElementAt(1), Does.StartWith("2  line 1 of hashed/inner.sql  SELECT"));
    }

    [Test]
    public async Task An_error_in_a_file_says_where_it_is(CancellationToken cancellationToken)
    {
        _server.WriteFile("failing/inner.sql", "select 1;\nselect nope;\n");
        _server.WriteFile("failing/outer.sql", "\n\\ir inner.sql\n");
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync("failing/outer.sql", cancellationToken, monitor: monitor);

        Assert.That((
            failure.Errors[0].File, failure.Errors[0].Line, failure.Errors[0].Column, failure.Errors[0].Statement),
            Is.EqualTo(("failing/inner.sql", (long?)2, (int?)8, (int?)2)));
        Assert.That(monitor.Err.Single(), Does.EndWith("(statement 2, line 2 of failing/inner.sql, column 8)"));
    }

    [TestCase("\\i /etc/hostname", "leads out")]
    [TestCase("\\i ../x.sql", "leads out")]
    [TestCase("\\i roads/../../x.sql", "leads out")]
    [TestCase("\\i roads/link.sql", "leads out")]
    [TestCase("\\i roads/directory/hostname", "leads out")]
    [TestCase("\\i roads", "not a regular file")]
    [TestCase("\\i '|cat x'", "run a program")]
    [TestCase("\\i |cat x", "run a program")]
    [TestCase("\\i ~/x.sql", "does not exist")]
    [TestCase("\\i nowhere.sql", "does not exist")]
    [TestCase("\\ir ../x.sql", "leads out")]
    [TestCase("\\copy pg_class from /etc/hostname", "leads out")]
    [TestCase("\\copy pg_class from '../x'", "leads out")]
    [TestCase("\\copy pg_class from roads/link.sql", "leads out")]
    [TestCase("\\copy pg_class from program 'date'", "run a shell")]
    [TestCase("\\copy pg_class from pstdin", "psql's own")]
    [TestCase("\\copy pg_class to 'x'", "writes one")]
    [TestCase("\\copy (select 1) to program 'cat'", "run a shell")]
    public async Task No_road_leads_out_of_the_directory(
        string command, string says, CancellationToken cancellationToken)
    {
        // All of them are there, so that nothing is refused because it is missing.
        lock (_server)
        {
            _server.WriteFile("roads/x.sql", "select 1;\n");
            _server.WriteFile("x.sql", "select 1;\n");
            _server.WriteFile("../x.sql", "select 1;\n");
            _server.WriteFile("../x", "1\n");
            Link("roads/link.sql", "/etc/hostname");
            Link("roads/directory", "/etc");
        }

        var failure = await FailAsync($"select 1;\n{command}\n", cancellationToken);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.Contain(says));

        void Link(string path, string target)
        {
            var link = Path.Combine(_server.Directory, path);
            if (!Path.Exists(link))
            {
                File.CreateSymbolicLink(link, target);
            }
        }
    }

    [Test]
    public async Task A_file_may_not_include_itself(CancellationToken cancellationToken)
    {
        _server.WriteFile("round/one.sql", "\\ir two.sql\n");
        _server.WriteFile("round/two.sql", "select 1;\n\\ir one.sql\n");

        var failure = await FailAsync("round/one.sql", cancellationToken);

        Assert.That(failure.Message, Does.Contain("a file includes itself"));
        Assert.That((failure.Errors[0].File, failure.Errors[0].Line), Is.EqualTo(("round/two.sql", (long?)2)));
    }

    [Test]
    public async Task Files_that_include_each_other_many_times_are_bounded(CancellationToken cancellationToken)
    {
        for (var depth = 0; depth < 10; depth++)
        {
            _server.WriteFile($"many/{depth}.sql", string.Concat(Enumerable.Repeat($"\\ir {depth + 1}.sql\n", 20)));
        }

        _server.WriteFile("many/10.sql", "select 1;\n");

        var failure = await FailAsync("many/0.sql", cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Errors.Select(error => error.Message), Has.Some.Contain("more than 1000 files are read"));
    }

    [TestCase(
        "\\set x 0123456789\n\\set x :x:x:x:x:x:x:x:x:x:x\n\\set x :x:x:x:x:x:x:x:x:x:x\n"
        + "\\set x :x:x:x:x:x:x:x:x:x:x\n",
        JobFailureKind.Refused)]
    [TestCase("select repeat('x', 5000) as x \\gset\n", JobFailureKind.Sql)]
    [TestCase("select repeat('x', 3000) as x \\gset\nselect repeat('x', 3000) as y \\gset\n", JobFailureKind.Sql)]
    [TestCase("select repeat(' ', 1000) from generate_series(1, 10) \\gexec\n", JobFailureKind.Sql)]
    [TestCase("select repeat('x', 1500) as x \\gset\nselect :'x', :'x', :'x', :'x';\n", JobFailureKind.Refused)]
    public async Task What_a_script_makes_is_bounded(string script, object kind, CancellationToken cancellationToken)
    {
        var failure = await FailAsync(script, cancellationToken, command: """{"max_variable_bytes": 4000}""");

        Assert.That(failure.Kind, Is.EqualTo(kind));
        Assert.That(failure.Message, Does.Contain("max_variable_bytes"));
    }

    [Test]
    public async Task A_variable_may_not_hold_a_command(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("select 1;\n:x\n", cancellationToken, """{"variables": {"x": "\\set y 1"}}""");

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.StartWith("\\set stands in the value of a variable"));
    }

    [Test]
    public async Task A_value_of_the_server_may_not_hold_one_either(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("select E'\\\\! true' as x \\gset\n:x\n", cancellationToken);

        Assert.That(failure.Message, Does.StartWith("\\! stands in the value of a variable"));
    }

    [Test]
    public async Task Without_psql_only_the_variables_given_mean_something(CancellationToken cancellationToken)
    {
        var failure = await FailAsync("select 1;\n\\echo x\n", cancellationToken, """{"psql": false}""");
        var progress = await RunAsync(
            "select ':DBNAME :x';\n\\restrict k\nselect 2;\n\\unrestrict k\n",
            cancellationToken,
            """{"psql": false, "variables": {"x": 1}}""");

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.Contain("psql: true"));
        Assert.That(progress.Statements, Is.EqualTo(2));
    }

    [Test]
    public void Psql_goes_only_with_a_batch()
    {
        var refusal = Assert.Throws<JobRefusedException>(() => _server.Plugin.Plan(
            [], PluginTestServer.Json("""{"query": "select 1", "return_result": true, "psql": true}""")));

        Assert.That(refusal!.Problems.Single().Path, Is.EqualTo("psql"));
    }

    [Test]
    public async Task Values_are_bound(CancellationToken cancellationToken)
    {
        var table = NewName();

        await RunAsync(
            $"create table {table} (i int, t text);\n\\set x 'a ''b'''\n"
            + $"insert into {table} values ($1, $2) \\bind 7 :x \\g\n"
            + $"\\bind 8\nselect $1::int as n, 'x' as t \\gset\ninsert into {table} values (:n, :'t');\n",
            cancellationToken);

        Assert.That(
            await _server.ScalarAsync<string>(
                $"select string_agg(i || t, ',' order by i) from {table}", cancellationToken),
            Is.EqualTo("7a 'b',8x"));
    }

    [TestCase("commit")]
    [TestCase("select 1; commit; select 2")]
    public async Task What_a_script_makes_keeps_to_the_one_transaction(
        string statement, CancellationToken cancellationToken)
    {
        var table = NewName();

        var failure = await FailAsync(
            $"create table {table} (i int);\nselect '{statement}' \\gexec\n", cancellationToken);

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(await ExistsAsync(table, cancellationToken), Is.False);
    }

    [Test]
    public async Task A_wrap_of_the_whole_is_taken_for_what_the_mode_does(CancellationToken cancellationToken)
    {
        var table = NewName();
        var monitor = new FakeJobMonitor();

        var progress = await RunAsync(
            $"set work_mem = '8MB';\nBEGIN;\ncreate table {table} (i int);\nEND;\n-- the end\n",
            cancellationToken,
            monitor: monitor);

        Assert.That(progress.Statements, Is.EqualTo(4));
        Assert.That(
            monitor.Out,
            Has.Some.StartsWith("line 2  BEGIN  is what transaction: single does anyway").And.Some.StartsWith(
                "line 4  COMMIT  is what"));
        Assert.That(await ExistsAsync(table, cancellationToken), Is.True);
    }

    [TestCase("select 1;\nbegin;\nselect 2;\ncommit;\n", "2,4")]
    [TestCase("begin;\nselect 2;\ncommit;\nselect 3;\n", "1,3")]
    [TestCase("begin;\nselect 2;\nrollback;\n", "1,3")]
    [TestCase("begin read only;\nselect 2;\ncommit;\n", "1,3")]
    [TestCase("begin;\nselect 2;\ncommit and chain;\n", "1,3")]
    [TestCase("begin;\ncommit;\nbegin;\ncommit;\n", "1,2,3,4")]
    [TestCase("begin\\; select 1;\ncommit;\n", "1,2")]
    public async Task Any_other_transaction_of_its_own_is_refused(
        string sql, string lines, CancellationToken cancellationToken)
    {
        var failure = await FailAsync(sql, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(string.Join(',', failure.Errors.Select(error => error.Line)), Is.EqualTo(lines));
    }

    [TestCase("begin;\ninsert into {0} values (1);\nrollback;\n", "1,3")]
    [TestCase("insert into {0} values (1);\nselect 'open;\n", "2")]
    [TestCase("begin;\ninsert into {0} values (1);\ncommit;\ninsert into {0} values (2);\n", "1,3")]
    [TestCase("insert into {0} values (1);\ncommit;\nselect 1;\nrollback;\n", "2,4")]
    public async Task What_is_refused_in_a_script_that_is_read_once_is_undone(
        string form, string lines, CancellationToken cancellationToken)
    {
        var table = NewName();
        await _server.ExecuteAsync($"create table {table} (i int)");
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(string.Format(null, form, table), cancellationToken, monitor: monitor);

        Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, true)));
        Assert.That(string.Join(',', failure.Errors.Select(error => error.Line)), Is.EqualTo(lines));
        Assert.That(
            await _server.ScalarAsync<long>($"select count(*) from {table}", cancellationToken), Is.Zero);
        Assert.That(monitor.Progress.Last().Sha256, Is.EqualTo(Hash(string.Format(null, form, table))));
    }

    [TestCase("select 1;\nselect 2;\n", null)]
    [TestCase("\\set x 1\nselect 1;\n\\q\nselect :x;\n", null)]
    [TestCase("\\set x 1\nselect 1;\nselect nope;\n", "42703")]
    public async Task The_hash_of_one_transaction_is_that_of_its_whole_script(
        string sql, string? state, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var failure = state is null ? null : await FailAsync(sql, cancellationToken, monitor: monitor);
        var progress = state is null ? await RunAsync(sql, cancellationToken, monitor: monitor) : null;

        Assert.That(failure?.SqlState, Is.EqualTo(state));
        Assert.That((progress ?? monitor.Progress.Last()).Sha256, Is.EqualTo(Hash(sql)));
    }

    [TestCase("\\connect {0}")]
    [TestCase("\\c \"{0}\"")]
    [TestCase("\\connect -")]
    [TestCase("\\connect :DBNAME :USER")]
    [TestCase("\\connect -reuse-previous=on \"dbname='{0}'\"")]
    [TestCase("\\connect")]
    public async Task To_connect_to_where_the_job_runs_makes_the_session_as_new(
        string command, CancellationToken cancellationToken)
    {
        var table = NewName();
        var database = await _server.ScalarAsync<string>("select current_database()::text", cancellationToken);

        await RunAsync(
            $"create table {table} (t text);\ncreate temp table t_{table} (i int);\nset work_mem = '7MB';\n"
            + $"{string.Format(null, command, database)}\n"
            + $"insert into {table} select concat_ws(' ', to_regclass('t_{table}'), current_setting('work_mem'), "
            + "current_setting('application_name'));\n",
            cancellationToken,
            Stop);

        Assert.That(
            await _server.ScalarAsync<string>($"select t from {table}", cancellationToken),
            Does.Match("^[0-9]+[kM]B heimdall .*").And.Not.StartsWith("7MB"));
    }

    [TestCase(Single)]
    [TestCase(Stop)]
    public async Task A_dump_that_creates_its_database_loads_into_it(string mode, CancellationToken cancellationToken)
    {
        var table = NewName();
        var database = await _server.ScalarAsync<string>("select current_database()::text", cancellationToken);
        var monitor = new FakeJobMonitor();
        var sql = $"set lock_timeout = 0;\nCREATE DATABASE \"{database}\" WITH TEMPLATE = template0;\n"
            + $"\\connect \"{database}\"\ncreate table {table} (i int);\n";

        var progress = await RunAsync(sql, cancellationToken, mode, monitor: monitor);
        var preview = await _server.Plugin.PreviewAsync(
            _server.Job(Context(sql, mode).ToJsonString()), cancellationToken);

        Assert.That((progress.Statements, preview.StatementsTotal), Is.EqualTo((3L, 3L)));
        Assert.That(
            monitor.Out, Has.Some.StartsWith("line 2  CREATE DATABASE  makes the database in which the job runs"));
        Assert.That(await ExistsAsync(table, cancellationToken), Is.True);
    }

    [TestCase("\\connect elsewhere", "another database")]
    [TestCase("\\c - nobody", "another user")]
    [TestCase("\\c postgresql://x/y", "only to where the job runs")]
    [TestCase("\\connect \"dbname=x host=elsewhere\"", "another")]
    [TestCase("\\connect -reuse-previous=off -", "another database")]
    [TestCase("\\connect -reuse-previous=perhaps -", "only to where the job runs")]
    [TestCase("\\connect \"user=x\" y", "only to where the job runs")]
    public async Task To_connect_to_elsewhere_is_refused(
        string command, string says, CancellationToken cancellationToken)
    {
        var failure = await FailAsync($"select 1;\n{command}\n", cancellationToken);

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.Contain(says));
    }

    [TestCase("\\c app", null)]
    [TestCase("\\c - me", null)]
    [TestCase("\\c - '-'", "user")]
    [TestCase("\\c - - here", null)]
    [TestCase("\\c - - elsewhere", "host")]
    [TestCase("\\c - - - 5432", null)]
    [TestCase("\\c - - - 6543", "port")]
    [TestCase("\\c \"dbname=app\"", "user")]
    [TestCase("\\c \"dbname=app user=me host=here\"", "port")]
    [TestCase("\\c \"dbname=app user=me host=here port=5432\"", null)]
    [TestCase("\\c -reuse-previous=on \"dbname=app\"", null)]
    [TestCase("\\c -reuse-previous=off app", "user")]
    public void What_a_target_does_not_name_stays_only_where_psql_keeps_it(string command, string? difference)
    {
        var read = PsqlCommandReader.Read(
            Encoding.UTF8.GetBytes(command), new PsqlVariables(null, 1000, true, false).Substitution,
            ScriptLocation.First, file: null);

        var target = PsqlTarget.Read(read, out var refusal);

        Assert.That(refusal, Is.Null);
        Assert.That(target!.Differs(new PsqlPlace("app", "me", "here", "5432")), Is.EqualTo(difference));
    }

    [TestCase("\\c - - here", "host")]
    [TestCase("\\c - - - 5432", "port")]
    [TestCase("\\c - me", "user")]
    public void A_place_that_is_not_known_is_no_target(string command, string difference)
    {
        var read = PsqlCommandReader.Read(
            Encoding.UTF8.GetBytes(command), new PsqlVariables(null, 1000, true, false).Substitution,
            ScriptLocation.First, file: null);

        var target = PsqlTarget.Read(read, out _);

        Assert.That(target!.Differs(new PsqlPlace("app", null, null, null)), Is.EqualTo(difference));
    }

    [Test]
    public async Task What_psql_does_and_a_job_does_not_is_refused_ahead(
        [Values(Single, Stop, Continue)] string mode,
        [Values(
            "copy {0} from stdin\\; copy {0} from stdin;\n1\n\\.\n\\.\n|cannot both have their data",
            "select 1 \\gdesc\n|remove both",
            "\\: select 1;\n|No statement begins with a colon",
            "\\bind 1\n;\n|have no statement before here",
            "copy {0} from stdin \\bind 1 \\g\n1\n\\.\n|A COPY takes no values",
            "\\bind 1\n\\copy {0} from stdin\n1\n\\.\n|A COPY takes no values",
            "alter database nope set search_path = a;\n\\connect -\n|only a session that is new")]
        string scriptAndWords,
        CancellationToken cancellationToken)
    {
        var (table, monitor) = (NewName(), new FakeJobMonitor());
        var (script, words) = (scriptAndWords.Split('|')[0], scriptAndWords.Split('|')[1]);
        var sql = $"set work_mem = '7MB';\n{string.Format(null, script, table)}";
        await _server.ExecuteAsync($"create table {table} (i int)");

        var failure = await FailAsync(sql, cancellationToken, mode, monitor: monitor);
        var preview = (await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.PreviewAsync(
            _server.Job(Context(sql, mode).ToJsonString()), cancellationToken)))!.Failure;

        Assert.That((failure.Kind, preview.Message), Is.EqualTo((JobFailureKind.Refused, failure.Message)));
        Assert.That(failure.Message, Does.Contain(words));
        Assert.That(monitor.Out, Is.Empty);
    }

    [TestCase(Single)]
    [TestCase(Continue)]
    public async Task A_value_that_would_take_data_from_the_script_is_refused(
        string mode, CancellationToken cancellationToken)
    {
        var table = NewName();
        await _server.ExecuteAsync($"create table {table} (i int)");

        var failure = await FailAsync(
            $"select 'insert into {table} values (1)', 'copy {table} from stdin' \\gexec\n", cancellationToken, mode);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)1)));
        Assert.That(failure.Message, Does.Contain("write that statement into the script"));
        Assert.That(await _server.ScalarAsync<long>($"select count(*) from {table}", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task What_is_left_out_behind_an_error_is_not_done(CancellationToken cancellationToken)
    {
        var (table, monitor) = (NewName(), new FakeJobMonitor());
        var database = await _server.ScalarAsync<string>("select current_database()::text", cancellationToken);
        await _server.ExecuteAsync($"create table {table} (i int)");

        await FailAsync(
            $"insert into {table} values (1/0);\ncreate database \"{database}\";\n\\connect -\n"
            + $"insert into {table} values (2);\n",
            cancellationToken,
            Stop,
            monitor: monitor);

        var reached = monitor.Progress.Last();
        Assert.That((reached.ResumeFrom, reached.Statements), Is.EqualTo(((long?)1, 0L)));
    }

    [TestCase(Stop)]
    [TestCase(Continue)]
    public async Task A_statement_with_values_is_done_when_it_is_committed(
        string mode, CancellationToken cancellationToken)
    {
        var (table, monitor) = (NewName(), new FakeJobMonitor());
        var insert = $"insert into {table} values ($1) \\bind 1 \\g\n";

        var failure = await FailAsync(
            $"create table {table} (i int unique deferrable initially deferred);\n{insert}{insert}",
            cancellationToken,
            mode,
            monitor: monitor);

        var reached = monitor.Progress.Last();
        Assert.That(
            (failure.SqlState, failure.Errors.Single().Statement, failure.Errors.Single().Line),
            Is.EqualTo(("23505", (long?)3, (long?)3)));
        Assert.That((reached.ResumeFrom, reached.Statements), Is.EqualTo((mode == Stop ? (long?)3 : 4, 2L)));
    }

    [Test]
    public async Task Commands_sent_together_that_commit_and_fail_are_not_resumed(CancellationToken cancellationToken)
    {
        var (table, monitor) = (NewName(), new FakeJobMonitor());
        var sql = $"insert into {table} values (1)\\; commit\\; select 1/0;\n";
        await _server.ExecuteAsync($"create table {table} (i int)");

        await FailAsync(sql, cancellationToken, Stop, monitor: monitor);
        var problem = await _server.Plugin.FindResumeProblemAsync(
            [], Context(sql, Stop), new ResumePoint(1, Hash(sql)), cancellationToken);

        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(1));
        Assert.That(monitor.Progress.Last().CanResume, Is.False);
        Assert.That(problem, Does.StartWith("Statement 1 is several commands"));
    }

    [Test]
    public async Task A_session_that_would_begin_with_other_settings_is_not_taken_for_new(
        CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        var sql = "do $$ begin execute format('alter database %I set work_mem = ''7MB''', current_database()); end $$;"
            + "\n\\connect -\nselect 1;\n";

        var failure = (await Assert.ThrowsAsync<JobFailedException>(() => server.Plugin.RunAsync(
            server.Job(Context(sql, Stop).ToJsonString()), new FakeJobMonitor(), cancellationToken)))!.Failure;

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.Contain("only a session that is new"));
    }

    [Test]
    public void A_database_whose_name_only_looks_the_same_is_another()
    {
        var statement = new ScriptStatement
        {
            Number = 1, Line = 1, Column = 1, Tag = "CREATE DATABASE", Kind = ScriptStatementKind.OutsideTransaction,
        };

        Assert.That(OwnDatabase.IsCreatedBy(statement, "CREATE Database Black"u8, "black"));
        Assert.That(OwnDatabase.IsCreatedBy(statement, "create database blac\u212A"u8, "black"), Is.False);
    }

    [Test]
    public async Task A_variable_whose_name_only_a_run_knows_hides_nothing(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(
            "select 'f' as v \\gset\n\\set f off\n\\set :v on\n\\if :f\n\\! x\n\\endif\n",
            cancellationToken,
            Stop,
            monitor: monitor);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)5)));
        Assert.That(monitor.Out, Is.Empty);
    }

    [Test]
    public async Task A_look_at_a_routine_takes_its_whole_line(CancellationToken cancellationToken)
    {
        var progress = await RunAsync("select 1;\n\\sf f \\\\ select 2;\n", cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(1));
    }

    [Test]
    public async Task The_value_of_a_variable_is_not_written_into_the_log(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        await FailAsync(
            "\\set x secret\n\\if :x\n\\endif\n\\set ON_ERROR_STOP :x\n",
            cancellationToken,
            Continue,
            monitor: monitor);

        Assert.That(monitor.Err, Has.Count.GreaterThan(1).And.None.Contains("secret"));
    }

    [Test]
    public async Task Values_within_values_are_bounded_in_number(CancellationToken cancellationToken)
    {
        var sql = "\\set v0 ''\n"
            + string.Concat(Enumerable.Range(1, 25).Select(level => $"\\set v{level} ':v{level - 1}:v{level - 1}'\n"))
            + "select 1 :v25;\n";

        var failure = await FailAsync(sql, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.StartWith("Variables are used within values of variables more than"));
    }

    [Test]
    public async Task The_line_of_a_command_is_bounded(CancellationToken cancellationToken)
    {
        var failure = await FailAsync($"\\echo {new string('x', 1_200_000)}\n", cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain("is longer than 1048576 bytes"));
    }

    [Test]
    public async Task A_script_that_takes_values_from_the_server_is_not_resumed(CancellationToken cancellationToken)
    {
        const string sql = "select 1 as x \\gset\nselect :x;\nselect 1/0;\n";
        var monitor = new FakeJobMonitor();

        await FailAsync(sql, cancellationToken, Stop, monitor: monitor);

        var reached = monitor.Progress.Last();
        Assert.That((reached.ResumeFrom, reached.CanResume), Is.EqualTo(((long?)3, (bool?)false)));
        var context = Context(sql, Stop);
        var problem = await _server.Plugin.FindResumeProblemAsync(
            [], context, new ResumePoint(3, Hash(sql)), cancellationToken);
        Assert.That(problem, Does.Contain("takes values from the server (\\gset in line 1)"));
        var job = _server.Job(context.ToJsonString()) with { Resume = new ResumePoint(3, Hash(sql)) };
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken)))!.Failure;
        Assert.That((failure.Kind, failure.Message), Is.EqualTo((JobFailureKind.Refused, problem)));
    }

    [Test]
    public async Task A_script_whose_values_are_its_own_is_resumed_with_them(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (t text);\n\\set x one\n\\if :{{?y}}\nselect 1;\n\\else\n\\ir {table}.sql\n"
            + $"\\endif\ninsert into {table} values (:'x');\n";
        _server.WriteFile($"{table}.sql", $"insert into {table} values ('file');\nselect nope;\n");
        var monitor = new FakeJobMonitor();
        await FailAsync(sql, cancellationToken, Stop, monitor: monitor);
        var reached = monitor.Progress.Last();
        _server.WriteFile($"{table}.sql", $"insert into {table} values ('file');\nselect 1;   \n");
        var resume = new ResumePoint(reached.ResumeFrom!.Value, ResumePoint.HashOf(reached.Sha256!, reached.Files));

        var changed = await _server.Plugin.FindResumeProblemAsync([], Context(sql, Stop), resume, cancellationToken);
        _server.WriteFile($"{table}.sql", $"insert into {table} values ('file');\nselect nope;\n");
        var problem = await _server.Plugin.FindResumeProblemAsync(
            [], Context(sql, Stop), resume with { Statement = 4 }, cancellationToken);
        await _server.Plugin.RunAsync(
            _server.Job(Context(sql, Stop).ToJsonString()) with { Resume = resume with { Statement = 4 } },
            new FakeJobMonitor(),
            cancellationToken);

        Assert.That((reached.ResumeFrom, reached.CanResume), Is.EqualTo(((long?)3, (bool?)null)));
        Assert.That(changed, Does.StartWith("The script has changed"));
        Assert.That(problem, Is.Null);
        Assert.That(
            await _server.ScalarAsync<string>($"select string_agg(t, ',' order by t) from {table}", cancellationToken),
            Is.EqualTo("file,one"));
    }

    [TestCase(Single)]
    [TestCase(Stop)]
    public async Task A_lock_that_fails_first_is_one_error(string mode, CancellationToken cancellationToken)
    {
        var failure = await FailAsync("lock table nope_at_all;\nselect 1;\n", cancellationToken, mode);

        Assert.That(
            failure.Errors.Select(error => error.SqlState), Is.EqualTo(new[] { mode == Single ? "42P01" : "25P01" }));
    }

    [Test]
    public async Task A_wrap_is_found_by_its_place_however_many_statements_a_run_has(
        CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"""
            begin;
            create table {table} (i int);
            select 'select 1' from generate_series(1, 5) \gexec
            select true as yes \gset
            \if :yes
            insert into {table} values (1);
            \else
            insert into {table} values (2);
            \endif
            insert into {table} values (3);
            commit;
            """;
        var monitor = new FakeJobMonitor();

        await RunAsync(sql, cancellationToken, monitor: monitor);

        Assert.That(monitor.Out.Count(line => line.Contains("is what transaction: single does")), Is.EqualTo(2));
        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(4));
    }

    [TestCase("begin;\nselect 1;\nselect true as d \\gset\n\\if :d\n\\q\n\\endif\ncommit;\n", null)]
    [TestCase("begin;\nselect 1;\n:x\n", "begin; select 1; commit;")]
    [TestCase(":x\nselect 1;\n", "begin; select 1;")]
    [TestCase(":x\nselect 1;\n", "begin; commit;")]
    [TestCase("begin;\nselect 1;\n:x\n", "commit; insert into nope values (1);")]
    [TestCase("begin;\nselect 1;\n:x;\n", "commit \\; select 1")]
    public async Task A_wrap_that_may_not_be_one_is_refused(string sql, string? x, CancellationToken cancellationToken)
    {
        var context = new JsonObject { ["variables"] = new JsonObject { ["x"] = x ?? "" } };

        var failure = await FailAsync(sql, cancellationToken, context.ToJsonString());

        Assert.That((failure.Kind, failure.Message), Is.EqualTo((JobFailureKind.Refused, failure.Message)));
        Assert.That(failure.Message, Does.Contain("is not allowed: the whole script is one transaction"));
    }

    [Test]
    public async Task To_connect_within_a_block_leaves_the_block(CancellationToken cancellationToken)
    {
        var table = NewName();
        var monitor = new FakeJobMonitor();
        var sql = $"create table {table} (i int);\nbegin;\ninsert into {table} values (1);\n\\connect -\n"
            + $"insert into {table} values (2);\nselect 1/0;\n";

        await FailAsync(sql, cancellationToken, Stop, monitor: monitor);

        Assert.That(monitor.Progress.Last().ResumeFrom, Is.EqualTo(5));
        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(2));
    }

    [Test]
    public async Task Commands_sent_together_are_no_setting_to_be_made_again(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (i int);\nset a.b = 1\\; insert into {table} values (1)\\; set a.b = 2;\n"
            + $"select 1/0;\n";
        await FailAsync(sql, cancellationToken, Stop);
        var job = _server.Job(Context(sql, Stop).ToJsonString()) with { Resume = new ResumePoint(3, Hash(sql)) };

        await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken));

        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(1));
    }

    [TestCase("\\copy pg_class from stdin ; commit")]
    [TestCase("\\copy pg_class to stdout; select 1")]
    public async Task A_copy_is_one_statement(string command, CancellationToken cancellationToken)
    {
        var failure = await FailAsync($"select 1;\n{command}\n\\.\n", cancellationToken);

        Assert.That((failure.Kind, failure.Errors[0].Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
        Assert.That(failure.Message, Does.Contain("more than one COPY"));
    }

    [TestCase(Single)]
    [TestCase(Stop)]
    public async Task Nothing_is_said_behind_an_error(string mode, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        await FailAsync(
            "select 1/0;\n\\echo all is well\n\\warn all is well\n\\connect -\nselect 2;\n",
            cancellationToken,
            mode,
            monitor: monitor);

        Assert.That(monitor.Out.Concat(monitor.Err), Has.None.Contain("all is well"));
    }

    [Test]
    public async Task The_result_of_statements_that_rows_make_is_that_of_the_rows(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (i int);\nselect 'select 1' from generate_series(1, 3) \\gexec\n"
            + $"insert into {table} values (:ROW_COUNT);\nselect 'select 1/0' from generate_series(1, 3) \\gexec\n"
            + $"insert into {table} values (case :'SQLSTATE' when '22012' then :ROW_COUNT else 99 end);\n";

        await FailAsync(sql, cancellationToken, Continue);

        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(3));
    }

    [TestCase("select 1/0;\n")]
    [TestCase("select 1;\nselect 1/0;\n")]
    [TestCase("select 1 where false \\gset\n")]
    public async Task Nothing_runs_behind_an_error_that_a_variable_waits_for(
        string failing, CancellationToken cancellationToken)
    {
        var table = NewName();
        await _server.ExecuteAsync($"create table {table} (t text)");

        await FailAsync($"{failing}insert into {table} values (:'SQLSTATE');\nselect 3;\n", cancellationToken, Stop);

        Assert.That(await _server.ScalarAsync<long>($"select count(*) from {table}", cancellationToken), Is.Zero);
    }

    [TestCase("set standard_conforming_strings = off;\nbegin;\nselect 1;\ncommit;\n\\! x\n", 5)]
    [TestCase("begin;\nset standard_conforming_strings = off;\nrollback;\nselect 'plain';\n\\! x\n", 5)]
    [TestCase("select set_config('standard_conforming_strings', 'off', false);\nselect 1;\n\\! x\n", 3)]
    [TestCase("select 'standard_conforming_strings';\n\\! x\n", 2)]
    public async Task A_change_of_how_strings_are_read_hides_nothing(
        string sql, int line, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(sql, cancellationToken, Stop, monitor: monitor);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)line)));
        Assert.That(monitor.Out, Is.Empty);
    }

    [Test]
    public async Task What_a_file_sets_in_a_branch_is_not_known_behind_it(CancellationToken cancellationToken)
    {
        _server.WriteFile("branched/set.sql", "\\set path branched/two.sql\n");
        _server.WriteFile("branched/one.sql", "select 1;\n");
        _server.WriteFile("branched/two.sql", "select 2;\n");

        var failure = await FailAsync(
            "\\set path branched/one.sql\nselect true as yes \\gset\n\\if :yes\n\\i branched/set.sql\n\\endif\n"
            + "\\i :path\n",
            cancellationToken);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)6)));
        Assert.That(failure.Message, Does.Contain("depends on what the server will answer"));
    }

    [Test]
    public async Task A_file_is_not_read_by_itself_as_data_either(CancellationToken cancellationToken)
    {
        _server.WriteFile("own.sql", "select 1;\n\\copy pg_class from own.sql\n");

        var failure = await FailAsync("\\i own.sql\n", cancellationToken);

        Assert.That((failure.Kind, failure.Errors.Single().File), Is.EqualTo((JobFailureKind.Refused, "own.sql")));
    }

    [Test]
    public async Task Files_are_bounded_in_number(CancellationToken cancellationToken)
    {
        _server.WriteFile("bounded/one.sql", "select 1;\n");
        for (var number = 0; number <= 200; number++)
        {
            _server.WriteFile($"bounded/{number}.txt", "1\n");
        }

        var often = await FailAsync(string.Concat(Enumerable.Repeat("\\i bounded/one.sql\n", 1001)), cancellationToken);
        var many = await FailAsync(
            string.Concat(Enumerable.Range(0, 201).Select(number => $"\\copy pg_class from bounded/{number}.txt\n")),
            cancellationToken);

        Assert.That((often.Errors.Single().Line, often.Message), Is.EqualTo(((long?)1001, often.Message)));
        Assert.That(often.Message, Does.Contain("more than 1000 files are read"));
        Assert.That(many.Errors.Single().Line, Is.EqualTo(201));
        Assert.That(many.Message, Does.Contain("more than 200 files"));
    }

    [Test]
    public async Task What_files_hold_is_read_a_bounded_number_of_times(CancellationToken cancellationToken)
    {
        _server.WriteFile("long.sql", $"--{new string(' ', 40 * 1024 * 1024)}");

        var failure = await FailAsync(
            $"{Repeat("\\copy pg_class from long.sql\n", 40)}{Repeat("\\i long.sql\n", 28)}", cancellationToken);

        // 25 times 40 MB is within a gigabyte, and of data nothing is read again.
        Assert.That(failure.Errors.Select(error => error.Line), Is.EqualTo(new long?[] { 66, 67, 68 }));
        Assert.That(failure.Errors[0].Message, Does.Contain("the limit is 1073741824"));
    }

    [TestCase("single", true)]
    [TestCase("none", true)]
    [TestCase("none", false)]
    public async Task What_is_rewritten_behind_the_check_is_noticed_whatever_its_time_says(
        string mode, bool isScript, CancellationToken cancellationToken)
    {
        var table = NewName();
        await _server.ExecuteAsync($"create table {table} (i int)");
        var text = $"\\echo begins\ninsert into {table} values (1);\n{Repeat("-- much\n", 500_000)}";
        _server.WriteFile($"{table}.sql", $"{text}insert into {table} values (2);\n");
        _server.WriteFile($"{table}_i.sql", $"\\i {table}.sql\n\\q\n");
        var path = Path.Combine(_server.Directory, $"{table}.sql");
        var script = isScript ? $"{table}.sql" : $"{table}_i.sql";
        var time = File.GetLastWriteTimeUtc(path);
        var monitor = new FakeJobMonitor
        {
            OnEvidence = async _ =>
            {
                await using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                {
                    file.Seek(-4, SeekOrigin.End);
                    file.WriteByte((byte)'3');
                }

                File.SetLastWriteTimeUtc(path, time);
            },
        };

        var job = _server.Job($$"""{"query": "{{script}}", "transaction": "{{mode}}"}""");
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, monitor, cancellationToken))).Failure;

        Assert.That(failure.Message, Does.StartWith("The script was changed while it was read"));
        Assert.That(failure.Kind, Is.EqualTo(mode == "single" ? JobFailureKind.Refused : JobFailureKind.Interrupted));
    }

    [TestCase("single")]
    [TestCase("none")]
    public async Task A_file_may_be_empty(string mode, CancellationToken cancellationToken)
    {
        var table = NewName();
        await _server.ExecuteAsync($"create table {table} (i int)");
        _server.WriteFile($"{table}_nothing.sql", "");
        _server.WriteFile($"{table}.txt", "");
        _server.WriteFile($"{table}.sql", $"\\i {table}_nothing.sql\n\\copy {table} from {table}.txt\nselect 1;\n");

        var alone = await RunFileAsync($"{table}_nothing.sql");
        var within = await RunFileAsync($"{table}.sql");

        Assert.That((alone.Statements, within.Statements), Is.EqualTo((0L, 2L)));

        Task<JobProgress> RunFileAsync(string file) => _server.Plugin.RunAsync(
            _server.Job($$"""{"query": "{{file}}", "transaction": "{{mode}}"}"""),
            new FakeJobMonitor(),
            cancellationToken);
    }

    [Test]
    public async Task Branches_are_bounded_in_depth(CancellationToken cancellationToken)
    {
        const int Depth = 101;

        var failure = await FailAsync(
            Repeat("\\if true\n", Depth) + "select 1;\n" + Repeat("\\endif\n", Depth), cancellationToken);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)Depth)));
    }

    [Test]
    public async Task What_a_script_says_is_bounded(CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        var sql = $"\\set x {new string('x', 10_000)}\n" + Repeat("\\echo -n :x\n", 100) + "\\echo\n";

        await RunAsync(sql, cancellationToken, monitor: monitor);
        var failure = await FailAsync(sql, cancellationToken, command: """{"max_variable_bytes": 20000}""");

        Assert.That(monitor.Out.Single(), Has.Length.EqualTo(32 * 1024));
        Assert.That(failure.Message, Does.Contain("max_variable_bytes"));
    }

    [Test]
    public async Task What_the_job_gives_is_not_counted(CancellationToken cancellationToken)
    {
        var variables = new JsonObject { ["x"] = new string('x', 5000), ["ON_ERROR_STOP"] = "on" };
        var context = new JsonObject { ["variables"] = variables };

        var progress = await RunAsync(
            "\\set y 1\nselect :y;\n", cancellationToken, context.ToJsonString(), """{"max_variable_bytes": 1000}""");

        Assert.That(progress.Statements, Is.EqualTo(1));
    }

    [Test]
    public async Task What_psql_knows_is_passed_over_where_a_branch_is_not_taken(CancellationToken cancellationToken)
    {
        var progress = await RunAsync(
            "\\if false\n\\! x\n\\o `x`\n\\i nowhere.sql\n\\connect elsewhere\n\\endif\n\\echo It's said\nselect 1;\n",
            cancellationToken);
        var unknown = await FailAsync("\\if false\n\\drop x\n\\endif\nselect 1;\n", cancellationToken);

        Assert.That(progress.Statements, Is.EqualTo(1));
        Assert.That((unknown.Kind, unknown.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)2)));
    }

    [Test]
    public async Task Only_a_text_that_is_begin_or_commit_is_left_out(CancellationToken cancellationToken)
    {
        var table = NewName();
        _server.WriteFile($"{table}.sql", ":v;\n");
        await _server.ExecuteAsync($"create table {table} (i int)");
        var sql = $"\\set v begin\n\\i {table}.sql\ninsert into {table} values (1);\n"
            + $"\\set v 'insert into {table} values (2)'\n\\i {table}.sql\n\\set v commit\n\\i {table}.sql\n";
        var monitor = new FakeJobMonitor();

        await RunAsync(sql, cancellationToken, monitor: monitor);

        Assert.That(monitor.Out.Count(line => line.Contains("was not sent")), Is.EqualTo(2));
        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(3));
    }

    [TestCase(
        "begin;\n\\set v commit\ninsert into {0} values (1);\n"
        + "select 'insert into {0} values (2)' as v \\gset\n:v;\n")]
    [TestCase("begin;\ninsert into {0} values (1);\nselect 'commit; insert into {0} values (2)' as v \\gset\n:v;\n")]
    [TestCase(
        "begin;\ninsert into {0} values (1);\ncommit;\n"
        + "select 'insert into {0} values (2)' as v \\gset\n\\if :{{?nope}}\n:v;\n\\endif\n")]
    public async Task A_wrap_that_the_run_does_not_keep_to_is_undone(string form, CancellationToken cancellationToken)
    {
        var table = NewName();
        await _server.ExecuteAsync($"create table {table} (i int)");

        var failure = await FailAsync(string.Format(null, form, table), cancellationToken);

        Assert.That((failure.Kind, failure.IsUndone), Is.EqualTo((JobFailureKind.Refused, true)));
        Assert.That(failure.Message, Does.Contain("is not allowed: the whole script is one transaction"));
        Assert.That(
            await _server.ScalarAsync<long>($"select count(*) from {table}", cancellationToken), Is.Zero);
    }

    [TestCase("begin;\nselect 1;\n\\connect -\ncommit;\n")]
    [TestCase("create temp table t (i int);\nselect 1;\n\\connect -\n")]
    [TestCase("set role none;\n\\;select 1;\n\\connect -\n")]
    public async Task To_connect_behind_the_first_statements_of_one_transaction_is_refused(
        string sql, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        var failure = await FailAsync(sql, cancellationToken, monitor: monitor);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)3)));
        Assert.That(failure.Message, Does.Contain("put it before all but settings"));
        Assert.That(monitor.Out, Is.Empty);
    }

    [Test]
    public async Task To_connect_in_one_transaction_takes_settings_back(CancellationToken cancellationToken)
    {
        var (table, role) = (NewName(), NewName());
        await _server.ExecuteAsync($"create role {role}; create table {table} (t text); create schema s{table}");
        var sql = $"set session authorization {role};\nset work_mem = '7MB';\n"
            + $"select pg_catalog.set_config('search_path', '', false);\n"
            + "set standard_conforming_strings = off;\n\\connect -\n"
            + $"insert into {table} values (concat_ws(' ', 'a\\', session_user, current_setting('work_mem'), "
            + "current_setting('application_name')));\n";
        var monitor = new FakeJobMonitor();

        await RunAsync(sql, cancellationToken, $$"""{"search_path": "s{{table}}, public"}""", monitor: monitor);
        await _server.ExecuteAsync($"drop role {role}");

        Assert.That(
            await _server.ScalarAsync<string>($"select t from {table}", cancellationToken),
            Does.StartWith("a\\ ").And.Not.Contain("7MB").And.Not.Contain(role).And.Contain(" heimdall "));
        Assert.That(monitor.Out, Has.Some.Contain("its session is as new"));
    }

    [Test]
    public async Task A_database_of_another_name_is_created(CancellationToken cancellationToken)
    {
        var database = await _server.ScalarAsync<string>("select current_database()::text", cancellationToken);
        var other = NewName();
        _server.WriteFile($"{other}.sql", "create database :\"db\";\n");
        var monitor = new FakeJobMonitor();

        await RunAsync(
            $"\\set db {database}\n\\i {other}.sql\n\\connect -\n\\set db {other}\n\\i {other}.sql\n",
            cancellationToken,
            Stop,
            monitor: monitor);
        var isThere = await _server.ScalarAsync<bool>(
            $"select exists (select from pg_database where datname = '{other}')", cancellationToken);
        await _server.ExecuteAsync($"drop database if exists {other}");

        Assert.That(isThere);
        Assert.That(monitor.Out.Count(line => line.Contains("was not sent")), Is.EqualTo(1));
    }

    [Test]
    public async Task A_statement_that_ends_in_a_value_of_the_server_is_run_again(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (i int);\nselect ';' as v \\gset\ninsert into {table} values (1) :v \\g\n";

        await RunAsync(sql, cancellationToken, Stop);

        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(2));
    }

    [Test]
    public async Task A_script_whose_copy_data_were_read_as_statements_is_not_resumed(
        CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();

        await FailAsync(
            "copy nope_at_all from stdin;\nselect 1;\n\\.\nselect 2;\n", cancellationToken, Continue, monitor: monitor);

        Assert.That(monitor.Progress.Last().CanResume, Is.False);
    }

    [TestCase("do $$ begin set standard_conforming_strings = off; end $$", 1)]
    [TestCase("begin;\nset local standard_conforming_strings = off;\ncommit", 2)]
    public async Task A_change_of_how_strings_are_read_is_not_passed_over(
        string change, int statement, CancellationToken cancellationToken)
    {
        var sql = $"{change};\nselect 1;\nselect 2;\nselect 3;\n";

        var problem = await _server.Plugin.FindResumeProblemAsync(
            [], Context(sql, Stop), new ResumePoint(4, Hash(sql)), cancellationToken);

        Assert.That(problem, Does.StartWith($"Statement {statement} may change how strings are read"));
    }

    [Test]
    public async Task A_reset_of_the_session_is_made_again(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (t text);\nset work_mem = '7MB';\ndiscard all;\n"
            + $"insert into {table} values (current_setting('work_mem'));\n";
        await _server.ExecuteAsync($"create table {table} (t text)");
        var job = _server.Job(Context(sql, Stop).ToJsonString()) with { Resume = new ResumePoint(4, Hash(sql)) };

        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That(
            await _server.ScalarAsync<string>($"select t from {table}", cancellationToken), Is.Not.EqualTo("7MB"));
    }

    [Test]
    public async Task A_script_that_connected_within_a_block_is_resumed_behind_it(CancellationToken cancellationToken)
    {
        var table = NewName();
        var sql = $"create table {table} (i int);\nbegin;\ninsert into {table} values (1);\n\\connect -\n"
            + $"insert into {table} values (2);\ninsert into {table} values (3);\nselect 4 from {table}_later;\n"
            + $"insert into {table} values (5);\n";
        var monitor = new FakeJobMonitor();
        await FailAsync(sql, cancellationToken, Stop, monitor: monitor);
        var resume = new ResumePoint(monitor.Progress.Last().ResumeFrom!.Value, Hash(sql));
        await _server.ExecuteAsync($"create view {table}_later as select 1");

        var problem = await _server.Plugin.FindResumeProblemAsync([], Context(sql, Stop), resume, cancellationToken);
        var job = _server.Job(Context(sql, Stop).ToJsonString()) with { Resume = resume };
        await _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);

        Assert.That((resume.Statement, problem), Is.EqualTo((6L, (string?)null)));
        Assert.That(await SumAsync(table, cancellationToken), Is.EqualTo(10));
    }

    [Test]
    public async Task Names_that_differ_in_a_byte_are_two_variables(CancellationToken cancellationToken)
    {
        var table = NewName();
        await File.WriteAllBytesAsync(
            Path.Combine(_server.Directory, $"{table}.sql"),
            Encoding.Latin1.GetBytes(
                $"set client_encoding = latin1;\ncreate table {table} (t text);\n\\set é 1\n\\set è 2\n"
                + $"select 4 as \"ê\" \\gset\ninsert into {table} values (concat(:é, :'è', :ê));\n"),
            cancellationToken);

        await RunAsync($"{table}.sql", cancellationToken);

        Assert.That(
            await _server.ScalarAsync<string>($"select t from {table}", cancellationToken), Is.EqualTo("124"));
    }

    [Test]
    public async Task Names_are_bounded_in_length_and_number(CancellationToken cancellationToken)
    {
        var many = string.Concat(Enumerable.Range(0, 10_000).Select(number => $"\\set v{number} 1\n"));

        var tooLong = await FailAsync($"\\set {new string('a', 129)} 1\n", cancellationToken);
        var tooMany = await FailAsync(many, cancellationToken);

        Assert.That(tooLong.Message, Does.Contain("is longer than 128 characters"));
        Assert.That(
            (tooMany.Kind, tooMany.Message),
            Is.EqualTo((JobFailureKind.Refused, "The script sets more than 10000 variables.")));
    }

    [Test]
    public async Task Commands_are_bounded_on_a_line_and_in_a_statement(CancellationToken cancellationToken)
    {
        var line = await FailAsync(string.Concat(Enumerable.Repeat("\\a ", 1001)) + "\n", cancellationToken);
        var statement = await FailAsync(
            "select 1\n" + string.Concat(Enumerable.Repeat("\\a\n", 1001)) + ";\n", cancellationToken);
        var progress = await RunAsync(
            Repeat("\\a\n", 1001) + Repeat("select 1 \\g\n", 1001), cancellationToken);

        Assert.That((line.Kind, statement.Kind), Is.EqualTo((JobFailureKind.Refused, JobFailureKind.Refused)));
        Assert.That(line.Message, Is.EqualTo("More than 1000 commands stand on one line or within one statement."));
        Assert.That(progress.Statements, Is.EqualTo(1001));
    }

    [Test]
    public async Task A_reset_of_all_settings_is_followed(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(
            "set standard_conforming_strings = off;\nselect 'a\\'';\nreset all;\nselect 'a\\';\n\\! x\n",
            cancellationToken,
            Stop);

        Assert.That((failure.Kind, failure.Errors.Single().Line), Is.EqualTo((JobFailureKind.Refused, (long?)5)));
    }

    [Test]
    public async Task A_preview_does_not_count_what_only_a_run_can_read(CancellationToken cancellationToken)
    {
        var preview = await _server.Plugin.PreviewAsync(
            _server.Job(Context(
                "select set_config('standard_conforming_strings', 'off', false);\nselect 'a\\';\nselect 2;\n",
                Stop).ToJsonString()),
            cancellationToken);

        Assert.That((preview.StatementsTotal, preview.Statements.Count), Is.EqualTo(((long?)null, 1)));
    }

    [TestCase("false", "'a\\'")]
    [TestCase("true", "'a\\''")]
    public async Task Strings_that_only_a_run_can_read_are_left_to_it(
        string isOff, string literal, CancellationToken cancellationToken)
    {
        var sql = $"select {isOff} as d \\gset\n\\if :d\nset standard_conforming_strings = off;\n\\endif\n"
            + $"select {literal};\n";

        var progress = await RunAsync(sql, cancellationToken, Stop);

        Assert.That(progress.Statements, Is.EqualTo(isOff == "true" ? 3 : 2));
    }

    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));

    private static string NewName() => $"t{Guid.NewGuid():N}";

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static JsonObject Context(string sql, string context)
    {
        var all = PluginTestServer.Json(context);
        all["query"] = sql;
        return all;
    }

    private Task<JobProgress> RunAsync(
        string sql,
        CancellationToken cancellationToken,
        string context = "{}",
        string command = "{}",
        FakeJobMonitor? monitor = null) =>
        _server.Plugin.RunAsync(
            _server.Job(Context(sql, context).ToJsonString(), command: command),
            monitor ?? new FakeJobMonitor(),
            cancellationToken);

    private async Task<JobFailure> FailAsync(
        string sql,
        CancellationToken cancellationToken,
        string context = "{}",
        string command = "{}",
        FakeJobMonitor? monitor = null) =>
        (await Assert.ThrowsAsync<JobFailedException>(
            () => RunAsync(sql, cancellationToken, context, command, monitor)))!.Failure;

    private Task<long> SumAsync(string table, CancellationToken cancellationToken) =>
        _server.ScalarAsync<long>($"select sum(i) from {table}", cancellationToken);

    private async Task<bool> ExistsAsync(string table, CancellationToken cancellationToken) =>
        await _server.ScalarAsync<bool>($"select to_regclass('{table}') is not null", cancellationToken);
}
