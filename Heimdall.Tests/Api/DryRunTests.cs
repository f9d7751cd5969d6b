using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What a job would do, told without doing it.</summary>
[CancelAfter(60_000)]
public sealed class DryRunTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(worker: false);
        await _heimdall.Target.ExecuteAsync("create table item (id int primary key, name text)", CancellationToken.None);
        await _heimdall.Target.ExecuteAsync("create schema hidden create table hidden_item (id int)", CancellationToken.None);
        await _heimdall.Target.ExecuteAsync(
            "create function slow() returns int language plpgsql immutable as 'begin perform pg_sleep(60); return 1; end'", CancellationToken.None);
        await _heimdall.Target.ExecuteAsync(
            "create function tell() returns int language plpgsql immutable as 'begin perform pg_notify(''told'', ''by the dry run''); return 1; end'", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("select * from item where id = 1", "SELECT", "Index Scan")]
    [TestCase("insert into item values (1, 'a')", "INSERT", "ModifyTable")]
    [TestCase("with a as (delete from item returning id) select * from a", "SELECT", "CTE Scan")]
    [TestCase("values (1), (2);", "SELECT", "Values Scan")]
    [TestCase("(select 1)", "SELECT", "Result")]
    public async Task A_query_is_answered_with_its_plan(string query, string tag, string node, CancellationToken cancellationToken)
    {
        var reply = await DryRunAsync(query, cancellationToken, ("return_result", true));

        Assert.That(reply.AssertStatus(200)["dry_run"], Is.EqualTo("True"));
        Assert.That(reply["command_id"], Is.EqualTo("postgres-0.0.1"));
        Assert.That(reply["cluster_id"], Is.EqualTo("postgres"));
        Assert.That(reply["return_result"], Is.EqualTo("True"));
        Assert.That(reply["sha256"], Has.Length.EqualTo(64));
        Assert.That(reply["statements"], Is.EqualTo($$"""[{"statement":1,"line":1,"column":1,"tag":"{{tag}}"}]"""));
        Assert.That(reply["statements_total"], Is.EqualTo("1"));
        Assert.That(reply.Json.GetProperty("plan")[0].GetProperty("Plan").GetProperty("Node Type").GetString(), Is.EqualTo(node), reply.Text);
        Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from item", cancellationToken), Is.Zero);
    }

    [TestCase("show work_mem")]
    [TestCase("create table made (id int)")]
    [TestCase("explain analyze insert into item values (1, 'a')")]
    [TestCase("do 'begin end'")]
    [TestCase("vacuum item")]
    public async Task What_is_not_planned_has_no_plan(string query, CancellationToken cancellationToken)
    {
        var reply = await DryRunAsync(query, cancellationToken, ("return_result", true));

        Assert.That(reply.AssertStatus(200)["plan"], Is.Null);
        Assert.That(reply["statements_total"], Is.EqualTo("1"));
        Assert.That(await _heimdall.Target.ScalarAsync<bool>("select to_regclass('made') is null and not exists (select from item)", cancellationToken), Is.True);
    }

    [Test]
    public async Task A_plan_may_be_deep(CancellationToken cancellationToken)
    {
        var query = Enumerable.Range(0, 60).Aggregate("select 1 as i", (inner, i) => $"select * from ({inner} limit {100 - i}) q{i}");

        var reply = await DryRunAsync(query, cancellationToken, ("return_result", true));

        using var document = JsonDocument.Parse(reply.AssertStatus(200).Text, new JsonDocumentOptions { MaxDepth = 1000 });
        Assert.That(document.RootElement.TryGetProperty("plan", out _));
    }

    [TestCase("select nope from item")]
    [TestCase("-- a comment: select nope\n  /* ü💥 */ select '💥', nope\nfrom item;")]
    [TestCase("select 1 +")]
    [TestCase("selec 1")]
    [TestCase(";select\n  *\n  from nowhere")]
    [TestCase("select $1")]
    [TestCase("insert into item values (1, 2, 3)")]
    [TestCase("select * from hidden_item")]
    [TestCase("select 1 from item group by name having id")]
    public async Task An_error_is_told_as_the_run_would_tell_it(string query, CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("wrong.sql", $"\n\n   {query}");
        foreach (var text in new[] { query, "wrong.sql" })
        {
            var run = await _heimdall.SubmitAsync(text, returnResult: true, cancellationToken);

            var reply = await DryRunAsync(text, cancellationToken, ("return_result", true));

            reply.AssertProblem((int)run.Status);
            Assert.That(run.Status, Is.Not.EqualTo(System.Net.HttpStatusCode.OK));
            foreach (var member in new[] { "type", "title", "detail", "error", "sqlstate", "hint", "position", "line", "column", "retryable" })
            {
                Assert.That(reply[member], Is.EqualTo(run[member]), $"{member}: {reply.Text} {run.Text}");
            }
        }
    }

    [Test]
    public async Task The_settings_of_the_job_hold(CancellationToken cancellationToken)
    {
        var found = await DryRunAsync("select * from hidden_item", cancellationToken, ("return_result", true), ("search_path", "hidden"));
        var role = await DryRunAsync("select * from item", cancellationToken, ("return_result", true), ("role", "pg_monitor"));
        var late = await DryRunAsync("select * from item where id = slow()", cancellationToken, ("return_result", true), ("timeout_seconds", 0.5));

        found.AssertStatus(200);
        role.AssertProblem(403);
        Assert.That(role["sqlstate"], Is.EqualTo("42501"));
        late.AssertProblem(504);
    }

    [Test]
    public async Task What_planning_calls_has_no_effect(CancellationToken cancellationToken)
    {
        var told = new List<string>();
        await using var listener = new NpgsqlConnection(_heimdall.Target.ConnectionString);
        await listener.OpenAsync(cancellationToken);
        listener.Notification += (_, notification) => told.Add(notification.Payload);
        await using (var listen = new NpgsqlCommand("listen told", listener))
        {
            await listen.ExecuteNonQueryAsync(cancellationToken);
        }

        (await DryRunAsync("select * from item where id = tell()", cancellationToken, ("return_result", true))).AssertStatus(200);

        await _heimdall.Target.ExecuteAsync("notify told, 'the end'", cancellationToken);
        while (!told.Contains("the end"))
        {
            await listener.WaitAsync(cancellationToken);
        }
        Assert.That(told, Is.EqualTo(new[] { "the end" }));
    }

    [Test]
    public async Task A_script_is_read_as_a_run_would_read_it(CancellationToken cancellationToken)
    {
        const string script =
            """
            -- a dump
            set standard_conforming_strings = off;
            insert into :table values (1, 'it\'s; one');
              copy item (id, name) from stdin;
            1	a; b
            2	c
            \.
            create rule r as on insert to item do also (select 1; select 2); select 3
            """;

        var reply = await DryRunAsync(script, cancellationToken, ("variables", new JsonObject { ["table"] = "item" }));

        Assert.That(reply.AssertStatus(200)["return_result"], Is.EqualTo("False"));
        Assert.That(reply["plan"], Is.Null);
        Assert.That(reply["statements"], Is.EqualTo(
            """[{"statement":1,"line":2,"column":1,"tag":"SET"},{"statement":2,"line":3,"column":1,"tag":"INSERT"},{"statement":3,"line":4,"column":3,"tag":"COPY"},{"statement":4,"line":8,"column":1,"tag":"CREATE RULE"},{"statement":5,"line":8,"column":66,"tag":"SELECT"}]"""));
        Assert.That(reply["statements_total"], Is.EqualTo("5"));
    }

    [Test]
    public async Task Of_a_long_script_the_first_thousand_statements_are_listed(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("long.sql", string.Concat(Enumerable.Repeat("insert into item values (1, 'a');\n", 1500)));

        var reply = await DryRunAsync("long.sql", cancellationToken);

        Assert.That(reply.AssertStatus(200).Json.GetProperty("statements").GetArrayLength(), Is.EqualTo(1000));
        Assert.That(reply["statements_total"], Is.EqualTo("1500"));
    }

    [TestCase("select 1;\nselect 'open", 2, 8)]
    [TestCase("select 1;\n  \\connect other", 2, 3)]
    public async Task A_script_that_cannot_be_split_is_refused_where_it_ends(string script, int line, int column, CancellationToken cancellationToken)
    {
        var reply = await DryRunAsync(script, cancellationToken);

        reply.AssertProblem(400);
        Assert.That((reply["line"], reply["column"]), Is.EqualTo(($"{line}", $"{column}")), reply.Text);
    }

    [Test]
    public async Task What_one_transaction_does_not_allow_is_pointed_at(CancellationToken cancellationToken)
    {
        const string script = "select 1;\n  commit;\nsavepoint a;\nvacuum item;\nselect 'open";

        var one = await DryRunAsync(script, cancellationToken);
        var several = await DryRunAsync(script.Replace("select 'open", "select 2", StringComparison.Ordinal), cancellationToken, ("transaction", "none"));

        one.AssertProblem(
            400,
            "3 places of the script are refused, so that none of it runs; the first: Line 2: COMMIT is not allowed");
        Assert.That((one["statement"], one["line"]), Is.EqualTo(("2", "2")));
        var errors = one.Json.GetProperty("statement_errors").EnumerateArray().ToArray();
        Assert.That(errors.Select(error => error.GetProperty("line").GetInt32()), Is.EqualTo(new[] { 2, 4, 5 }));
        Assert.That(errors[1].GetProperty("sqlstate").GetString(), Is.EqualTo("25001"));
        Assert.That(errors[1].GetProperty("hint").GetString(), Does.Contain("transaction: none"));
        several.AssertStatus(200);
    }

    [TestCase("\"yes\"")]
    [TestCase("1")]
    [TestCase("[]")]
    public async Task A_dry_run_is_wanted_or_not(string value, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(Body("select 1").Replace("\"dry_run\":true", $"\"dry_run\":{value}", StringComparison.Ordinal), cancellationToken);

        reply.AssertProblem(400, "dry_run: Must be true or false.");
    }

    [TestCase("false")]
    [TestCase("null")]
    public async Task One_that_is_not_wanted_is_a_run(string value, CancellationToken cancellationToken)
    {
        var body = Body("select 1", ("return_result", true)).Replace("\"dry_run\":true", $"\"dry_run\":{value}", StringComparison.Ordinal);

        var reply = await _heimdall.PostJobAsync(body, cancellationToken);

        Assert.That(reply.AssertStatus(200)["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task Many_jobs_have_none(CancellationToken cancellationToken)
    {
        using var body = new StringContent($"[{Body("select 1")}]", System.Text.Encoding.UTF8, "application/json");

        var reply = await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/jobs", cancellationToken, body);

        reply.AssertProblem(400, "[0].dry_run: ");
    }

    [TestCase("select 1; select 2", true, 400)]
    [TestCase("missing.sql", false, 400)]
    public async Task What_would_not_be_taken_is_refused_as_it_would_be(string query, bool returnResult, int status, CancellationToken cancellationToken)
    {
        var reply = await DryRunAsync(query, cancellationToken, ("return_result", returnResult));

        reply.AssertProblem(status, "context.query: ");
    }

    [Test]
    public async Task Nothing_is_recorded(CancellationToken cancellationToken)
    {
        await DryRunAsync("select 1", cancellationToken);
        await DryRunAsync("select 1", cancellationToken, ("return_result", true));
        await DryRunAsync("select nope", cancellationToken, ("return_result", true));

        var jobs = await _heimdall.GetAsync("/api/v1/jobs?name=dry", cancellationToken);
        Assert.That(jobs.AssertStatus(200).Json.GetProperty("data").EnumerateArray().Count(job => job.GetProperty("status").GetString() != "SUCCEEDED"), Is.Zero);
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from hangfire.job", cancellationToken), Is.Zero);
    }

    private Task<Reply> DryRunAsync(string query, CancellationToken cancellationToken, params (string Name, JsonNode? Value)[] more) =>
        _heimdall.PostJobAsync(Body(query, more), cancellationToken);

    private static string Body(string query, params (string Name, JsonNode? Value)[] more)
    {
        var context = new JsonObject { ["query"] = query };
        foreach (var (name, value) in more)
        {
            context[name] = value;
        }
        return new JsonObject
        {
            ["name"] = "dry",
            ["command_criteria"] = new JsonArray("type:postgres"),
            ["cluster_criteria"] = new JsonArray("_id:postgres"),
            ["dry_run"] = true,
            ["context"] = context,
        }.ToJsonString();
    }
}
