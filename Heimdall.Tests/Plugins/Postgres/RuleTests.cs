using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Commands that refuse statements, and fields of their jobs that are fixed.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class RuleTests
{
    private const string Rules = """{"rules": ["no_drop", "no_delete_without_where"]}""";
    private const string None = """{"transaction": "none"}""";

    private PluginTestServer _server = null!;
    private string _role = "";

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        _role = $"fixed_{Guid.NewGuid():N}";
        await _server.ExecuteAsync($"create role {_role}; grant create, usage on schema public to {_role}");
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _server.ExecuteAsync($"drop owned by {_role}; drop role {_role}");
        await _server.DisposeAsync();
    }

    [TestCase("""{"transaction": "single"}""")]
    [TestCase(None)]
    [TestCase("""{"transaction": "none", "on_error": "continue"}""")]
    [TestCase("""{"psql": false}""")]
    public async Task All_that_a_rule_refuses_is_found_before_anything_runs(string mode,
        CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        var failure = await FailAsync(
            $"insert into {table} values (2);\ndelete from {table};\nselect 'drop';\n  drop table {table}",
            Rules, mode, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(
            failure.Message,
            Is.EqualTo("2 places of the script are refused, so that none of it runs; the first: "
                + "Line 2: DELETE without WHERE is refused by the command's rule no_delete_without_where."));
        Assert.That(
            failure.Errors.Select(error => (error.Statement, error.Line, error.Column)),
            Is.EqualTo(new[] { (2, 2L, 1), (4, 4L, 3) }));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
    }

    [Test]
    public async Task A_script_that_keeps_to_the_rules_runs(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        await RunAsync(
            $"insert into {table} values (2);\ncopy {table} from stdin;\n4\n\\.\n"
            + $"delete from {table} where i = 1; select 'drop table {table}'",
            Rules, "{}", cancellationToken);

        Assert.That(await SumAsync(table), Is.EqualTo(6));
    }

    [Test]
    public async Task An_included_file_is_judged_and_named(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();
        _server.WriteFile($"{table}.sql", $"select 1;\ndrop table {table};\n");

        var failure = await FailAsync(
            $"insert into {table} values (2);\n\\i {table}.sql\n", Rules, None, cancellationToken);

        Assert.That((failure.Errors[0].File, failure.Errors[0].Line), Is.EqualTo(($"{table}.sql", 2L)));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
    }

    [Test]
    public async Task Each_of_several_commands_that_are_sent_together_is_judged(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        var failure = await FailAsync(
            $"insert into {table} values (2) \\; drop table {table} \\; select 1;\n", Rules, None, cancellationToken);

        Assert.That(failure.Message, Does.Contain("DROP is refused by the command's rule no_drop"));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
    }

    [TestCase("drop table {0}")]
    [TestCase("select 1; drop table {0}")]
    public async Task What_gexec_would_run_is_judged_before_any_of_it_runs(string last,
        CancellationToken cancellationToken)
    {
        var table = await MakeAsync();
        var generated = string.Format(null, last, table);

        var failure = await FailAsync(
            $"insert into {table} values (2);\n"
            + $"select unnest(array['insert into {table} values (4)', '{generated}']) \\gexec\n",
            Rules, None, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain("\\gexec would run a statement that is refused: DROP is refused"));
        Assert.That(failure.Errors[0].Line, Is.EqualTo(2));
        Assert.That(await SumAsync(table), Is.EqualTo(3), "what stood before it had run");
    }

    [Test]
    public async Task What_only_a_run_can_know_is_judged_before_it_is_sent(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        var failure = await FailAsync(
            $"select 'drop' as verb \\gset\n:verb table {table};\n", Rules, None, cancellationToken);

        Assert.That(failure.Message, Does.Contain("DROP is refused by the command's rule no_drop"));
        Assert.That(failure.Errors[0].Line, Is.EqualTo(2));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
    }

    [TestCase("\\set x op\ndr:x table {0};", "DROP is refused by the command's rule no_drop")]
    [TestCase("\\set x 'op '\ntruncate nothing_here \\; dr:x\ntable {0};", "DROP is refused")]
    [TestCase("dr\\echo a\\\\op table {0};", "DROP is refused by the command's rule no_drop")]
    [TestCase("delete from {0} /\\echo a\\\\* where true */;", "DELETE without WHERE is refused")]
    [TestCase("\\set x '- where true'\ndelete from {0} -:x\n;", "DELETE without WHERE is refused")]
    [TestCase("\\set x '''a\\\\'' where true --'''\ndelete from {0} returning E:x;", "DELETE without WHERE is refused")]
    [TestCase("\\set x 'elect'\n\\set y op\ns:x 1 \\g\ndr:y table {0} \\g\n", "DROP is refused")]
    [TestCase("\\set x '-- '\ndelete from {0} :x where true\n;", "DELETE without WHERE is refused")]
    [TestCase("\\set y dr\n\\set z op\n\\set x ':y:z'\n:x table {0};", "DROP is refused")]
    [TestCase("\\set y 'select 1; dr'\n\\set z op\n\\set x ':y:z'\n:x table {0};", "DROP is refused")]
    [TestCase("\\set x ole\nreset r:x;", "RESET ROLE is refused: the command fixes the role")]
    [TestCase("\\set x et\ns:x role none;", "SET ROLE is refused: the command fixes the role")]
    public async Task Words_that_psql_joins_are_judged_as_the_server_reads_them(
        string sql, string reason, CancellationToken cancellationToken)
    {
        var table = await MakeAsync();
        var command = PluginTestServer.Json(Rules);
        command["fixed"] = new JsonObject { ["role"] = _role };

        var failure = await FailAsync(string.Format(null, sql, table), command.ToJsonString(), None, cancellationToken);

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain(reason));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
    }

    [Test]
    public async Task A_name_that_is_a_value_is_seen(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(
            "\\set x pg_read_file\nselect :\"x\"('PG_VERSION');\n", """{"rules": ["no_server_files"]}""", None,
            cancellationToken);

        Assert.That(failure.Message, Does.Contain("pg_read_file is refused by the command's rule"));
    }

    [TestCase("\\set x _b\nselect 1 as drop:x;\n")]
    [TestCase("\\set x 'drop table t'\nselect :'x', 1 as :\"x\";\n")]
    [TestCase("\\set x 'where i = 1'\ndelete from {0} :x;\n")]
    public async Task What_values_make_that_keeps_to_the_rules_runs(string sql, CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        await RunAsync(
            $"{string.Format(null, sql, table)}insert into {table} values (4);", Rules, "{}", cancellationToken);

        Assert.That(await SumAsync(table), Is.GreaterThanOrEqualTo(4));
    }

    [Test]
    public async Task What_the_run_refuses_ends_a_batch_that_continues_after_errors(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        var failure = await FailAsync(
            $"select 1 / 0;\nselect 'drop' as verb \\gset\n:verb table {table};\ninsert into {table} values (4);\n",
            Rules, """{"transaction": "none", "on_error": "continue"}""", cancellationToken);

        Assert.That(
            failure.Errors.Select(error => error.Message),
            Has.Some.Contains("DROP is refused by the command's rule no_drop"));
        Assert.That(await SumAsync(table), Is.EqualTo(1), "neither is done: the table, and what stands behind it");
    }

    [Test]
    public async Task A_query_is_judged_when_it_is_submitted(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();
        var context = PluginTestServer.Json($$"""{"query": "\ndelete from {{table}} returning i", "return_result": true}""");

        var refusal = Assert.Throws<JobRefusedException>(() => _server.Plugin.Plan(PluginTestServer.Json(Rules),
            context));

        Assert.That(
            refusal!.Problems,
            Is.EqualTo(new[]
            {
                new ContextProblem("query",
                    "Line 2: DELETE without WHERE is refused by the command's rule no_delete_without_where."),
            }));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
        cancellationToken.ThrowIfCancellationRequested();
    }

    [Test]
    public async Task A_query_is_judged_as_its_session_reads_strings(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();
        var job = _server.Job(
            new JsonObject
            {
                ["query"] = $"delete from {table} returning '\\' -- ' where true --",
                ["return_result"] = true,
            }.ToJsonString(),
            new FakeResultWriter(), Rules);

        var failure = await Assert.CatchAsync(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken));

        Assert.That(failure!.Message, Does.Contain("DELETE without WHERE is refused"));
        Assert.That(await SumAsync(table), Is.EqualTo(1));
    }

    [Test]
    public async Task A_new_session_of_the_script_has_the_fixed_role(CancellationToken cancellationToken)
    {
        var table = $"t{Guid.NewGuid():N}";

        await RunAsync(
            $"select 1;\n\\connect\ncreate table {table} as select current_user::text as who;\n", FixedRole(), None,
            cancellationToken);

        Assert.That(await _server.ScalarAsync<string>($"select who from {table}", cancellationToken), Is.EqualTo(_role));
    }

    [Test]
    public async Task A_preview_names_what_is_refused(CancellationToken cancellationToken)
    {
        var job = _server.Job("""{"query": "select 1;\ndrop table x;\n"}""", command: Rules);

        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.PreviewAsync(job, cancellationToken)))!.Failure;

        Assert.That(failure.Errors.Select(error => error.Line), Is.EqualTo(new long?[] { 2 }));
    }

    [Test]
    public async Task What_a_block_does_is_not_seen(CancellationToken cancellationToken)
    {
        var table = await MakeAsync();

        await RunAsync($"do $$ begin delete from {table}; end $$", Rules, "{}", cancellationToken);

        Assert.That(await SumAsync(table), Is.Zero);
    }

    [TestCase("""{"rules": []}""", "rules")]
    [TestCase("""{"statements": {}}""", "statements")]
    [TestCase("""{"fixed": {}}""", "fixed")]
    public void A_job_has_no_rules_of_its_own(string more, string field)
    {
        var context = PluginTestServer.Json(more);
        context["query"] = "drop table x";

        var refusal = Assert.Throws<JobRefusedException>(() => _server.Plugin.Plan(PluginTestServer.Json(Rules),
            context));

        Assert.That(refusal!.Problems[0].Path, Is.EqualTo(field));
        Assert.That(refusal!.Problems[0].Message, Does.StartWith("is not known here"));
    }

    [TestCase("""{"rules": ["no_drops"]}""", "rules", "'no_drops' is none")]
    [TestCase("""{"rules": "no_drop"}""", "rules", "must be a list of no_drop")]
    [TestCase("""{"rules": [1]}""", "rules", "must be a list of no_drop")]
    [TestCase("""{"statements": ["select"]}""", "statements", "must be an object")]
    [TestCase("""{"statements": {"only": ["selects"]}}""", "statements.only", "'selects' is none")]
    [TestCase("""{"statements": {"never": ["do"]}}""", "statements.never", "known are except, only")]
    [TestCase("""{"fixed": {"query": "select 1"}}""", "fixed.query", "cannot be fixed")]
    [TestCase("""{"fixed": {"role": "a"}, "role": "b"}""", "role", "is fixed too")]
    [TestCase("""{"fixed": ["role"]}""", "fixed", "must be an object")]
    [TestCase("""{"fixed": {"timeout_seconds": 10}, "max_timeout_seconds": 5}""", "timeout_seconds", "above")]
    public void Rules_are_checked_with_the_configuration(string command, string field, string message)
    {
        var problems = _server.Plugin.CheckCommand(PluginTestServer.Json(command));

        Assert.That(
            problems.Select(problem => $"{problem.Path}: {problem.Message}"),
            Has.Some.StartsWith($"{field}: ").And.Some.Contains(message));
    }

    [TestCase("""{"rules": ["no_drop"], "statements": {"only": ["SELECT", "with"], "except": ["do"]}}""", false)]
    [TestCase("""{"rules": ["no_drop"], "statements": {"only": ["SELECT"], "except": ["do"]}, "fixed": {"role": "a"}}""", true)]
    public void Kinds_are_written_in_either_case(string command, bool isRight) =>
        Assert.That(_server.Plugin.CheckCommand(PluginTestServer.Json(command)).Any(), Is.Not.EqualTo(isRight));

    [TestCase("role", "\"other\"")]
    [TestCase("search_path", "\"elsewhere\"")]
    [TestCase("timeout_seconds", "5")]
    [TestCase("return_result", "true")]
    public void Another_value_of_a_fixed_field_is_refused(string field, string value)
    {
        var command = PluginTestServer.Json(
            """{"fixed": {"role": "analyst", "search_path": "reports", "timeout_seconds": 10, "return_result": false}}""");
        var context = PluginTestServer.Json($$"""{"query": "select 1", "{{field}}": {{value}} }""");
        var same = new JsonObject { ["query"] = "select 1", [field] = command["fixed"]![field]!.DeepClone() };

        var refusal = Assert.Throws<JobRefusedException>(() => _server.Plugin.Plan(command, context));

        Assert.That(refusal!.Problems[0].Path, Is.EqualTo(field));
        Assert.That(
            refusal!.Problems[0].Message,
            Is.EqualTo($"is fixed by the command: leave it out, or write {command["fixed"]![field]!.ToJsonString()}."));
        Assert.That(() => _server.Plugin.Plan(command, same), Throws.Nothing);
    }

    [Test]
    public async Task A_job_gets_what_is_fixed(CancellationToken cancellationToken)
    {
        var table = $"t{Guid.NewGuid():N}";

        await RunAsync(
            $"create table {table} as select current_user::text as who", FixedRole(), "{}", cancellationToken);

        Assert.That(await _server.ScalarAsync<string>($"select who from {table}", cancellationToken), Is.EqualTo(_role));
    }

    [TestCase("reset role")]
    [TestCase("select 1; set role none")]
    [TestCase("select set_config('role', 'none', true)")]
    public async Task What_leaves_a_fixed_role_in_so_many_words_is_refused(string sql,
        CancellationToken cancellationToken)
    {
        var failure = await FailAsync(sql, FixedRole(), "{}", cancellationToken);

        Assert.That(failure.Message, Does.Contain("is refused: the command fixes the role, and this may leave it."));
    }

    [TestCase("{}", false, "Nothing of it took effect.")]
    [TestCase(None, true, "Its statements commit by themselves: statements 1 to 2 are known to be done and stay done.")]
    public async Task A_role_that_was_left_otherwise_is_noticed_at_the_end(
        string mode, bool isThere, string effect, CancellationToken cancellationToken)
    {
        var table = $"t{Guid.NewGuid():N}";

        var failure = await FailAsync(
            $"do $$ begin execute 'reset role'; end $$; create table {table} (i int)",
            FixedRole(), mode, cancellationToken);

        Assert.That(failure.Message,
            Does.StartWith($"The script has left the role '{_role}', which its command fixes."));
        Assert.That(failure.Message, Does.EndWith(effect));
        Assert.That(await _server.ScalarAsync<bool>($"select to_regclass('{table}') is not null", cancellationToken), Is.EqualTo(isThere));
    }

    [TestCase("search_path", "elsewhere")]
    [TestCase("statement_timeout", "7min")]
    [TestCase("lock_timeout", "7min")]
    public async Task Of_the_fixed_fields_only_the_role_is_kept_while_a_script_runs(
        string setting, string value, CancellationToken cancellationToken)
    {
        const string Fixed =
            """{"fixed": {"search_path": "public", "timeout_seconds": 60, "lock_timeout_seconds": 60}}""";
        var table = $"t{Guid.NewGuid():N}";

        await RunAsync(
            $"set {setting} to '{value}'; create table public.{table} as select current_setting('{setting}') as value",
            Fixed, "{}", cancellationToken);

        Assert.That(await _server.ScalarAsync<string>($"select value from {table}", cancellationToken), Is.EqualTo(value));
    }

    private string FixedRole() => new JsonObject { ["fixed"] = new JsonObject { ["role"] = _role } }.ToJsonString();

    /// <returns>A table whose only row is 1.</returns>
    private async Task<string> MakeAsync()
    {
        var table = $"t{Guid.NewGuid():N}";
        await _server.ExecuteAsync($"create table {table} as select 1 as i");
        return table;
    }

    private Task<long> SumAsync(string table) => _server.ScalarAsync<long>($"select coalesce(sum(i), 0) from {table}");

    private Task<JobProgress> RunAsync(string sql, string command, string context, CancellationToken cancellationToken)
    {
        var all = PluginTestServer.Json(context);
        all["query"] = sql;
        return _server.Plugin.RunAsync(
            _server.Job(all.ToJsonString(), command: command), new FakeJobMonitor(), cancellationToken);
    }

    private async Task<JobFailure> FailAsync(string sql, string command, string context,
        CancellationToken cancellationToken) =>
        (await Assert.ThrowsAsync<JobFailedException>(() => RunAsync(sql, command, context,
            cancellationToken)))!.Failure;
}
