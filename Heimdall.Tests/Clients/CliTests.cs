using System.Text.Json;
using System.Text.RegularExpressions;
using Heimdall.Api.Callers;
using Heimdall.Cli;
using Heimdall.Tests.Docs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary>The command line with a real API and worker.</summary>
[CancelAfter(120_000)]
public sealed partial class CliTests
{
    private HeimdallInstance _heimdall = null!;
    private string _folder = null!;

    private static IEnumerable<string> Commands => HeimdallCommands.CreateRoot(new CliSession(new Terminal { In = TextReader.Null, Out = TextWriter.Null, Error = TextWriter.Null }))
        .Subcommands.Where(command => !command.Hidden).Select(command => command.Name);

    [OneTimeSetUp]
    public async Task Start()
    {
        _folder = Directory.CreateTempSubdirectory("heimdall-cli-").FullName;
        _heimdall = await HeimdallInstance.StartAsync(config => config.WithCommand("brief", "type:brief", ", context: {timeout_seconds: 1}"));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [TestCase("csv", "a,a,n,yes,e,doc\n1.50,\"x,\"\"y\"\"\",,t,\"\",\"{\"\"k\"\": 1.10}\"\n")]
    [TestCase("ndjson", "{\"a\": 1.50, \"a_2\": \"x,\\\"y\\\"\", \"n\": null, \"yes\": true, \"e\": \"\", \"doc\": {\"k\": 1.10}}\n")]
    [TestCase("json", "[{\"a\": 1.50, \"a_2\": \"x,\\\"y\\\"\", \"n\": null, \"yes\": true, \"e\": \"\", \"doc\": {\"k\": 1.10}}\n]\n")]
    public async Task Rows_are_printed_exactly(string format, string expected)
    {
        var cli = Cli();

        var code = await cli.RunAsync("query", """select 1.50 as a, 'x,"y"' as a, null::int as n, true as yes, '' as e, '{"k": 1.10}'::json as doc""", "--format", format);

        Assert.That((code, cli.Out, cli.Error), Is.EqualTo((0, expected, "")));
    }

    [Test]
    public async Task Rows_are_CSV_where_nobody_looks_and_a_table_on_a_terminal()
    {
        var (pipe, terminal) = (Cli(), Cli(isTerminal: true));

        await pipe.RunAsync("query", "select 7 as n, 'Ada' as name");
        await terminal.RunAsync("query", "select 7 as n, 'Ada' as name");

        Assert.That(pipe.Out, Is.EqualTo("n,name\n7,Ada\n"));
        Assert.That(terminal.Out, Does.Match(@"(?s) n.*name.*7.*Ada"));
        Assert.That(terminal.Error, Is.EqualTo("1 row\n"));
    }

    [Test]
    public async Task Many_rows_are_several_JSON_objects_in_one_array()
    {
        var cli = Cli();

        await cli.RunAsync("query", "select generate_series(1, 3) as n", "--format", "json");

        Assert.That(JsonDocument.Parse(cli.Out).RootElement.EnumerateArray().Select(row => row.GetProperty("n").GetInt32()), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [TestCase("5", "5|integer")]
    [TestCase("-1.50", "-1.50|numeric")]
    [TestCase("true", "true|boolean")]
    [TestCase("007", "007|text")]
    [TestCase("http://x", "http://x|text")]
    [TestCase("int8:5", "5|bigint")]
    [TestCase("text:int8:5", "int8:5|text")]
    [TestCase("date:2026-01-31", "2026-01-31|date")]
    [TestCase("int4[]:{1,2}", "{1,2}|integer[]")]
    [TestCase("@x", "@x|text")]
    public async Task A_parameter_has_the_type_that_it_looks_like_or_names(string said, string expected)
    {
        var cli = Cli();
        var type = expected.Split('|')[1];

        var code = await cli.RunAsync("query", $"select concat($1::{type}, '|', pg_typeof($1))", "--param", said);

        Assert.That((code, cli.Out.Split('\n')[1].Trim('"'), cli.Error), Is.EqualTo((0, type == "boolean" ? "t|boolean" : expected, "")));
    }

    [Test]
    public async Task A_query_comes_from_stdin_and_says_that_a_limit_has_cut_it()
    {
        var cli = Cli(input: "-- many\nselect generate_series(1, 10) as n");

        var code = await cli.RunAsync("query", "-", "--limit", "2", "--read-only");

        Assert.That((code, cli.Out, cli.Error), Is.EqualTo((0, "n\n1\n2\n", "A limit has cut the result after 2 rows.\n")));
    }

    [Test]
    public async Task An_error_shows_its_place_and_the_hint()
    {
        var cli = Cli();

        var code = await cli.RunAsync("query", "select *\n\tfrom (select 1 as name) t where nam = 1");

        Assert.That(code, Is.EqualTo(CliExitCode.SqlError));
        Assert.That(cli.Error, Does.StartWith(
            """
            heimdall: column "nam" does not exist (42703)
            line 2, column 34:
               from (select 1 as name) t where nam = 1
                                               ^
            hint: Perhaps you meant to reference the column "t.name".
            job 
            """));
    }

    [TestCase(5, "query", "select 1", "--cluster", "data:none")]
    [TestCase(1, "query")]
    [TestCase(1, "query", "select 1", "--format", "xml")]
    [TestCase(1, "query", "select 1", "--url", "nonsense")]
    [TestCase(1, "query", "select 1", "--profile", "unknown")]
    [TestCase(1, "unheard-of")]
    [TestCase(1, "job", "0197f9f6-0000-7000-8000-000000000000")]
    [TestCase(1, "run", "/no/such/file.sql")]
    [TestCase(1, "pause", "cluster")]
    [TestCase(2, "query", "select 1/0")]
    [TestCase(3, "query", "select pg_sleep(60)", "--command", "brief")]
    public async Task What_goes_wrong_has_an_exit_code_and_a_sentence(int code, params string[] arguments)
    {
        var cli = Cli();

        Assert.That(await cli.RunAsync(arguments), Is.EqualTo(code), cli.Error);
        Assert.That((cli.Error.StartsWith("heimdall: ", StringComparison.Ordinal), cli.Out), Is.EqualTo((true, "")), cli.Error);
    }

    [Test]
    public async Task What_does_not_listen_is_unreachable()
    {
        var cli = new CliRun(new Uri($"http://127.0.0.1:{FreePort.Find()}"));

        Assert.That(await cli.RunAsync("clusters"), Is.EqualTo(CliExitCode.Unreachable));
        Assert.That(cli.Error, Does.Contain("cannot be reached"));
    }

    [Test]
    public async Task An_interrupt_during_a_query_cancels_it(CancellationToken cancellationToken)
    {
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var cli = Cli(interrupt: interrupt);
        var query = cli.RunAsync("query", "select pg_sleep(600)", "--name", "interrupted query");
        var id = await _heimdall.FindJobAsync("interrupted query", "RUNNING", cancellationToken);

        await interrupt.CancelAsync();

        Assert.That(await query, Is.EqualTo(CliExitCode.Canceled));
        await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
    }

    [Test]
    public async Task A_table_wider_than_the_terminal_has_each_column()
    {
        var cli = Cli(isTerminal: true);

        await cli.RunAsync("query", $"select {string.Join(", ", Enumerable.Range(1, 30).Select(i => $"'value{i}' as column{i}"))}");

        var expected = Enumerable.Range(1, 30).SelectMany(i => new[] { $"column{i}", $"value{i}" });
        Assert.That(cli.Out.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries), Is.SupersetOf(expected));
    }

    [TestCase("table")]
    [TestCase("csv")]
    public async Task A_statement_without_rows_shows_how_many_it_changed(string format, CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync($"create table changed_{format} as select generate_series(1, 3) as n", cancellationToken);
        var cli = Cli(isTerminal: true);

        var code = await cli.RunAsync("query", $"delete from changed_{format} where n > 1", "--format", format);

        Assert.That((code, cli.Out, cli.Error), Is.EqualTo((0, "", "2 rows affected\n")));
    }

    [Test]
    public async Task A_list_that_is_cut_shows_that_there_is_more(CancellationToken cancellationToken)
    {
        foreach (var _ in Enumerable.Range(0, 2))
        {
            await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken);
        }
        var (cut, whole) = (Cli(), Cli());

        await cut.RunAsync("jobs", "--limit", "1", "--format", "json");
        await whole.RunAsync("jobs", "--name", "no job has this name");

        Assert.That((cut.Out.Count(character => character == '\n'), cut.Error), Is.EqualTo((1, "There are more jobs than --limit 1.\n")));
        Assert.That(whole.Error, Is.Empty);
    }

    [Test]
    public async Task Empty_variables_are_not_set()
    {
        var cli = Cli();
        (cli.Variables["HEIMDALL_KEY"], cli.Variables["HEIMDALL_CLUSTER"]) = ("", "");

        Assert.That(await cli.RunAsync("query", "select 1", "--cluster", "data:local", "--url", _heimdall.Address.AbsoluteUri), Is.Zero, cli.Error);
        cli.Variables["HEIMDALL_KEY"] = "hk_x\n";
        Assert.That(await cli.RunAsync("clusters"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain("HEIMDALL_KEY must be printable ASCII").And.Not.Contains("Parameter"));
    }

    [Test]
    public async Task A_key_goes_to_another_machine_encrypted_or_with_a_warning()
    {
        var (login, query) = (Cli(input: "hk_secret\n"), Cli());
        query.Variables["HEIMDALL_KEY"] = "hk_secret";

        var anyAddress = $"http://0.0.0.0:{_heimdall.Address.Port}/"; // it is this machine, and does not look like it

        var stored = await login.RunAsync("login", anyAddress);
        await query.RunAsync("clusters", "--url", anyAddress);

        Assert.That((stored, login.Error), Is.EqualTo((CliExitCode.Wrong, $"heimdall: A key for another machine needs https: {anyAddress} would send it unencrypted.\n")));
        Assert.That(query.Error, Does.StartWith($"The key is sent unencrypted to {anyAddress}: use https.\n"));
    }

    [TestCase("{\"default\": {\"url\": 5}}", "The url of the profile 'default'")]
    [TestCase("{\"default\": {\"url\": \"http://127.0.0.1\", \"key\": {}}}", "The key of the profile 'default'")]
    [TestCase("[]", "is no JSON object of profiles")]
    public async Task A_profile_that_cannot_be_read_is_named(string profiles, string message)
    {
        var home = Directory.CreateTempSubdirectory("heimdall-profiles-").FullName;
        Directory.CreateDirectory(Path.Combine(home, "heimdall"));
        await File.WriteAllTextAsync(Path.Combine(home, "heimdall", "profiles.json"), profiles);
        var cli = Cli();
        cli.Variables.Remove("HEIMDALL_URL");
        cli.Variables["XDG_CONFIG_HOME"] = home;

        Assert.That(await cli.RunAsync("clusters"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain(message));
        Directory.Delete(home, recursive: true);
    }

    [Test]
    public void Profiles_lie_in_an_absolute_folder()
    {
        string FileOf(string? config, string? home) => new ProfileStore(new Terminal
        {
            In = TextReader.Null,
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            Variable = name => name == "HOME" ? home : config,
        }).File;

        Assert.That(FileOf("/config", "/home/ada"), Is.EqualTo("/config/heimdall/profiles.json"));
        Assert.That(FileOf("config", "/home/ada"), Is.EqualTo("/home/ada/.config/heimdall/profiles.json"));
        Assert.That(Path.IsPathFullyQualified(FileOf(null, "home")), Is.True);
    }

    [Test]
    public async Task A_wrong_idempotency_key_is_refused()
    {
        var cli = Cli(input: "select 1");

        Assert.That(await cli.RunAsync("run", "-", "--idempotency-key", "a\nX-Heimdall-User: root"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Is.EqualTo("heimdall: The idempotency key must be 1 to 255 printable ASCII characters, such as a UUID.\n"));
    }

    [Test]
    public async Task A_script_is_followed_to_its_end()
    {
        var cli = Cli();

        var code = await cli.RunAsync("run", Script("hello.sql", "select :number;\ndo $$ begin raise notice 'hello %', 1; end $$;"), "--set", "number=7");

        Assert.That(code, Is.Zero, cli.Error);
        Assert.That(cli.Out, Does.Match(@"\A1  line 1  SELECT  1 row .*\n2  line 2  DO .*\n\z"));
        Assert.That(cli.Error, Does.Match(@"\Ajob [0-9a-f-]{36} on cluster postgres\nNOTICE:  hello 1 .*\nSUCCEEDED: 2 statements, .*\(job [0-9a-f-]{36}\)\n\z"));
    }

    [Test]
    public async Task A_secret_comes_from_the_environment_or_a_file_and_is_no_argument()
    {
        var source = Script("pin.txt", "of-a-file\n");
        var script = Script("secret.sql", "\\echo :pw\nselect 1/length(:'pin');");
        var run = Cli();
        run.Variables["PIN"] = "from-the-environment";

        var code = await run.RunAsync("run", script, "--secret", "pw=env:PIN", "--secret", $"pin=file:{source}");

        Assert.That(code, Is.Zero, run.Error);
        Assert.That(run.Out + run.Error, Does.Contain("[secret]").And.Not.Contain("from-the-environment"));
        var query = Cli();
        query.Variables["PIN"] = "from-the-environment";
        await query.RunAsync(
            "query", "select length($1::text), length($2::text)", "--param", "secret:env:PIN",
            "--param", $"secret:file:{source}", "--format", "csv");
        Assert.That(query.Out, Does.EndWith("\n20,9\n"), query.Error);
        var again = Cli();
        again.Variables["PIN"] = "from-the-environment";
        var id = run.Error.Split("(job ")[1].Split(')')[0];
        Assert.That(await again.RunAsync("retry", id), Is.EqualTo(1), again.Out);
        Assert.That(again.Error, Does.Contain("secrets"));
        var retried = await again.RunAsync("retry", id, "--secret", "pw=env:PIN", "--secret", $"pin=file:{source}");
        Assert.That(retried, Is.Zero, again.Error);
    }

    [TestCase("pw=hunter2")]
    [TestCase("pw=env:NO_SUCH_VARIABLE")]
    [TestCase("hunter2")]
    public async Task A_secret_that_is_written_itself_is_refused_and_not_repeated(string option)
    {
        var cli = Cli();

        var code = await cli.RunAsync("run", Script("none.sql", "select 1;"), "--secret", option);

        Assert.That(code, Is.EqualTo(1));
        Assert.That(cli.Error, Does.Contain("--secret").And.Not.Contain("hunter2"));
    }

    [Test]
    public async Task A_script_that_fails_shows_where()
    {
        var cli = Cli(input: "select 1;\nselect 1/0;\nselect nothing;");

        var code = await cli.RunAsync("run", "-", "--transaction", "none", "--on-error", "continue");

        Assert.That(code, Is.EqualTo(CliExitCode.SqlError));
        Assert.That(cli.Error, Does.Contain("FAILED: ").And.Contain("division by zero (22012) [statement 2]\nline 2").And.Contain("line 3, column 8:\n  select nothing;\n         ^\n"));
    }

    [Test]
    public async Task An_interrupt_during_a_script_cancels_the_job(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("cli", cancellationToken);
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var cli = Cli(input: HeimdallInstance.WaitAt("cli"), interrupt: interrupt);
        var run = cli.RunAsync("run", "-", "--name", "interrupted script");
        var id = await _heimdall.FindJobAsync("interrupted script", "RUNNING", cancellationToken);
        await Eventually.Is(() => Task.FromResult(cli.Error.StartsWith("job ", StringComparison.Ordinal)), cancellationToken);

        await interrupt.CancelAsync();

        Assert.That(await run, Is.EqualTo(CliExitCode.Canceled));
        Assert.That(cli.Error, Does.Contain("Asking to cancel the job").And.Contain("CANCELED: "));
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("CANCELED"));
    }

    [Test]
    public async Task A_script_whose_deadline_ends_it_has_a_code_of_its_own()
    {
        var cli = Cli(input: "select pg_sleep(60)");

        Assert.That(await cli.RunAsync("run", "-", "--command", "brief"), Is.EqualTo(CliExitCode.Deadline), cli.Error);
    }

    [Test]
    public async Task A_script_can_be_tried_without_running_it()
    {
        var cli = Cli(input: "create table never (n int);\nvacuum;");

        var single = await cli.RunAsync("run", "-", "--dry-run");
        var other = Cli(input: "create table never (n int);\nvacuum;");
        var none = await other.RunAsync("run", "-", "--dry-run", "--transaction", "none");

        Assert.That((single, cli.Out, cli.Error.Contains("VACUUM", StringComparison.OrdinalIgnoreCase)), Is.EqualTo((CliExitCode.SqlError, "", true)), cli.Error);
        Assert.That((none, other.Out), Is.EqualTo((0, "1  line 1  CREATE TABLE\n2  line 2  VACUUM\n")));
        Assert.That(other.Error, Does.Contain("Nothing was run."));
    }

    [Test]
    public async Task A_job_that_was_left_can_be_seen_to(CancellationToken cancellationToken)
    {
        var submitted = Cli(input: "select 1/0");
        await submitted.RunAsync("run", "-", "--detach", "--name", "left", "--idempotency-key", "left-1", "--priority", "5");
        var again = Cli(input: "select 1/0");
        await again.RunAsync("run", "-", "--detach", "--name", "left", "--idempotency-key", "left-1", "--priority", "5");
        var id = submitted.Out.Trim();
        await _heimdall.WaitForEndAsync(Guid.Parse(id), cancellationToken);

        var (jobs, json, job, logs, cancel) = (Cli(), Cli(), Cli(), Cli(), Cli());
        await jobs.RunAsync("jobs", "--name", "left", "--status", "FAILED", "--created-after", "2020-01-01");
        await json.RunAsync("jobs", "--name", "left", "--format", "json");
        await job.RunAsync("job", id);
        await logs.RunAsync("logs", id, "-f");
        var canceled = await cancel.RunAsync("cancel", id);
        var retry = Cli();
        await retry.RunAsync("retry", id);

        Assert.That(again.Out, Is.EqualTo(submitted.Out));
        Assert.That(jobs.Out, Does.Match($"(?s)status.*{id}.*left.*FAILED"));
        Assert.That(JsonDocument.Parse(json.Out).RootElement.GetProperty("priority").GetInt32(), Is.EqualTo(5));
        Assert.That(job.Out, Does.Contain("status: FAILED\n"));
        Assert.That(job.Error, Does.Contain("division by zero (22012) [statement 1]"));
        Assert.That(logs.Error, Does.Contain("division by zero"));
        Assert.That((canceled, cancel.Error.Contains("FAILED already", StringComparison.Ordinal)), Is.EqualTo((1, true)));
        Assert.That((await _heimdall.WaitForEndAsync(Guid.Parse(retry.Out.Trim()), cancellationToken))["retry_of"], Is.EqualTo(id));
    }

    [Test]
    public async Task A_script_resumes_from_a_statement(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync(
            "create table resumed (n int); create table repaired as select where false", cancellationToken);
        var first = Cli(input: """
            insert into resumed values (1);
            select 1 / (select count(*) from repaired);
            insert into resumed values (3);
            """);
        Assert.That(await first.RunAsync("run", "-", "--transaction", "none"), Is.EqualTo(CliExitCode.SqlError));
        var id = first.Error.Split("(job ")[1].Split(')')[0];
        await _heimdall.Target.ExecuteAsync("insert into repaired default values", cancellationToken);
        var (retry, beyond) = (Cli(), Cli());

        Assert.That(await retry.RunAsync("retry", id, "--from", "2"), Is.Zero, retry.Error);
        var ended = await _heimdall.WaitForEndAsync(Guid.Parse(retry.Out.Trim()), cancellationToken);

        Assert.That(
            (ended["status"], ended["from_statement"], ended["retry_of"]), Is.EqualTo(("SUCCEEDED", "2", id)),
            ended.Text);
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select n from resumed order by n", cancellationToken),
            Is.EqualTo(new[] { 1, 3 }));
        Assert.That(await beyond.RunAsync("retry", id, "--from", "4"), Is.EqualTo(CliExitCode.Wrong), beyond.Out);
        Assert.That(beyond.Error, Does.Contain("statement"));
    }

    [Test]
    public async Task A_stored_result_is_printed(CancellationToken cancellationToken)
    {
        var id = (await _heimdall.SubmitAsync("select 1.10 as n", returnResult: true, cancellationToken, prefer: "respond-async, wait=30")).AssertStatus(200).Id;
        var cli = Cli();

        Assert.That((await cli.RunAsync("result", id.ToString()), cli.Out), Is.EqualTo((0, "n\n1.10\n")));
    }

    [Test]
    public async Task Schedules_clusters_and_commands_can_be_seen_to(CancellationToken cancellationToken)
    {
        (await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/schedule/nightly", cancellationToken, new StringContent(
            """{"cron": "0 3 * * *", "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"], "context": {"query": "select 1"}}""",
            System.Text.Encoding.UTF8, "application/json"))).AssertStatus(201);
        string[][] steps =
        [
            ["schedules", "pause", "nightly", "--reason", "holidays", "--until", "2999-01-01"], ["schedules", "list"], ["schedules", "show", "nightly"],
            ["schedules", "resume", "nightly"], ["schedules", "trigger", "nightly"], ["pause", "command", "brief", "--reason", "test"], ["commands"],
            ["resume", "command", "brief"], ["clusters", "--format", "json"],
        ];
        var outputs = new List<string>();
        foreach (var step in steps)
        {
            var cli = Cli();
            Assert.That(await cli.RunAsync(step), Is.Zero, cli.Error);
            outputs.Add(cli.Out);
        }

        Assert.That(outputs[1], Does.Match("nightly +0 3 .*yes"));
        Assert.That(JsonDocument.Parse(outputs[2]).RootElement.GetProperty("paused").GetProperty("reason").GetString(), Is.EqualTo("holidays"));
        await _heimdall.WaitForStatusAsync(Guid.Parse(outputs[4].Trim()), "SUCCEEDED", cancellationToken);
        Assert.That(outputs[6], Does.Match("brief .*yes"));
        Assert.That(JsonDocument.Parse(outputs[8]).RootElement.GetProperty("id").GetString(), Is.EqualTo("postgres"));
        await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/schedule/nightly", cancellationToken);
    }

    [Test]
    public async Task A_key_is_tried_and_stored_for_its_owner_alone()
    {
        var (key, hash) = ApiKeyRing.Create();
        await using var guarded = await HeimdallInstance.StartAsync(config => config with { Auth = $"api_keys: [{{user: alice, hash: \"{hash}\"}}]" }, worker: false);
        var home = Directory.CreateDirectory(Path.Combine(_folder, "home")).FullName;
        CliRun At(string input = "") => new(guarded.Address) { Input = input, Variables = { ["XDG_CONFIG_HOME"] = home } };
        var (wrong, right, used, keyless) = (At("hk_wrong\n"), At($"{key}\n"), At(), At());
        used.Variables.Remove("HEIMDALL_URL");

        var codes = new[]
        {
            await wrong.RunAsync("login", guarded.Address.AbsoluteUri), await right.RunAsync("login", guarded.Address.AbsoluteUri, "--cluster", "postgres"),
            await used.RunAsync("query", "select current_user is not null as known"), await keyless.RunAsync("clusters"),
        };

        Assert.That(codes, Is.EqualTo(new[] { CliExitCode.NotAllowed, 0, 0, CliExitCode.NotAllowed }), $"{wrong.Error}{right.Error}{used.Error}");
        Assert.That(used.Out, Is.EqualTo("known\nt\n"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(
                File.GetUnixFileMode(Path.Combine(home, "heimdall", "profiles.json")),
                Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
        Assert.That($"{right.Out}{right.Error}", Does.Not.Contain(key));
    }

    [Test]
    public async Task What_could_change_the_terminal_is_made_visible()
    {
        const string Sql = "select E'a\\x1b[31mb' || chr(8238) || 'c' || chr(10) || 'd' as \"n\u009b\"";
        var (terminal, pipe) = (Cli(isTerminal: true), Cli());
        var csv = Cli(isTerminal: true);

        await terminal.RunAsync("query", Sql);
        await csv.RunAsync("query", Sql, "--format", "csv");
        await pipe.RunAsync("query", Sql);

        Assert.That(terminal.Out, Does.Contain(@"a\x1b[31mb\u202ec\nd").And.Contain(@"n\x9b").And.Not.Contains("\u202e"));
        Assert.That(csv.Out, Does.Contain("a\\x1b[31mb\\u202ec\nd"));
        Assert.That(pipe.Out, Does.Contain("a\e[31mb\u202ec\nd"));
    }

    [TestCaseSource(nameof(Commands))]
    public async Task Each_command_has_help(string command)
    {
        var cli = Cli();

        Assert.That(await cli.RunAsync(command, "--help"), Is.Zero);
        Assert.That(cli.Out, Does.Contain("Usage:").And.Contain("--help"));
    }

    [Test]
    public async Task The_reference_is_what_the_program_says()
    {
        var cli = Cli();
        await cli.RunAsync("reference");

        Assert.That(Repository.Read("docs/reference/cli.md"), Is.EqualTo(cli.Out), "write it anew: heimdall reference >docs/reference/cli.md");
    }

    [Test]
    public void The_guide_names_commands_that_there_are()
    {
        var named = CommandName().Matches(Repository.Read("docs/guide/cli.md")).Select(match => match.Groups["name"].Value).Distinct().ToArray();

        Assert.That(named, Has.Length.GreaterThan(8).And.SubsetOf(Commands.Append("reference")));
        Assert.That(DocPage.Read("docs/reference/cli.md").Rows("Exit codes").Select(row => row[0]), Is.EqualTo(CliExitCode.All.Select(exit => $"{exit.Code}")));
    }

    [TestCase(" que", "query")]
    [TestCase(" run --tr", "--transaction")]
    [TestCase(" query x --format ", "ndjson")]
    [TestCase(" schedules tr", "trigger")]
    [TestCase(" hooks re", "redeliver")]
    [TestCase(" hooks messages --status D", "DEAD")]
    public async Task What_may_come_next_is_suggested(string line, string expected)
    {
        var cli = Cli();

        await cli.RunAsync($"[suggest:{line.Length}]", line);

        Assert.That(cli.Out.Split('\n'), Does.Contain(expected));
    }

    [Test]
    public async Task A_script_runs_on_all_clusters_and_the_grid_shows_each()
    {
        var (preview, cli) = (Cli(input: "select 1"), Cli(input: "select 1; select 2"));
        var failing = Cli(input: "select 1/0");

        Assert.That(await preview.RunAsync("run", "-", "--target", "all", "--canary", "1", "--dry-run"), Is.Zero);
        Assert.That((preview.Out, preview.Error), Is.EqualTo(
            ("postgres  canary\n", "Would run on 1 cluster by command postgres-0.0.1. Nothing was run.\n")));
        Assert.That(
            await cli.RunAsync("run", "-", "--target", "all", "--max-parallel", "1", "--name", "everywhere"), Is.Zero,
            cli.Error);
        Assert.That(cli.Out, Does.Match(@"cluster +status +took +error +job(?s).*postgres +SUCCEEDED +[0-9.]+ s"));
        Assert.That(cli.Error, Does.Match(@"^job \S+ on 1 cluster\n(?s).*SUCCEEDED: 2 statements"));
        Assert.That(await failing.RunAsync("run", "-", "--target", "all"), Is.EqualTo(CliExitCode.SqlError));
        Assert.That(failing.Error, Does.Contain("[cluster postgres, statement 1]"));

        var parent = Regex.Match(cli.Error, @"^job (\S+) on").Groups[1].Value;
        var (job, jobs) = (Cli(), Cli());
        Assert.That(await job.RunAsync("job", parent), Is.Zero);
        Assert.That(job.Out, Does.Contain("children: ").And.Contain("postgres"));
        Assert.That(await jobs.RunAsync("jobs", "--parent", parent), Is.Zero);
        Assert.That(jobs.Out, Does.Contain("everywhere").And.Contain("postgres"));
    }

    private CliRun Cli(string input = "", bool isTerminal = false, CancellationTokenSource? interrupt = null) =>
        new(_heimdall.Address) { Input = input, IsTerminal = isTerminal, Interrupt = interrupt?.Token ?? default, Variables = { ["XDG_CONFIG_HOME"] = _folder } };

    private string Script(string name, string sql)
    {
        var file = Path.Combine(_folder, name);
        File.WriteAllText(file, sql);
        return file;
    }

    [GeneratedRegex(@"\bheimdall (?<name>[a-z]+)")]
    private static partial Regex CommandName();
}
