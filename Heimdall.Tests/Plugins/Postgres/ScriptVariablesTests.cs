using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Scripts;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

[CancelAfter(30_000)]
public sealed class ScriptVariablesTests
{
    private static readonly Dictionary<string, string> Values = new()
    {
        ["n"] = "7", ["name"] = "O'Hara", ["path"] = @"c:\x", ["col"] = "a \"b\"", ["two"] = "select 1; select 2", ["self"] = ":self + 1",
        ["outer"] = ":n + :n", ["quote"] = "'", ["2"] = "two", ["é"] = "accent", ["lines"] = "select\n1/\n0",
    };

    [TestCase("select :n", "select 7")]
    [TestCase("select :n::text, x::n", "select 7::text, x::n")]
    [TestCase("select :'name', :'path'", @"select 'O''Hara',  E'c:\\x'")]
    [TestCase("select :\"col\"", "select \"a \"\"b\"\"\"")]
    [TestCase("select ':n', \":n\", $$:n$$, E':n' -- :n\n/* :n */", "select ':n', \":n\", $$:n$$, E':n' -- :n\n/* :n */")]
    [TestCase("select :unknown, :'unknown', :\"unknown\", a[1:3]", "select :unknown, :'unknown', :\"unknown\", a[1:3]")]
    [TestCase("select a[1:2]", "select a[1two]")]
    [TestCase("select :{?n}, :{?m}, :{?n", "select TRUE, FALSE, :{?n")]
    [TestCase("select :é", "select accent")]
    [TestCase("f(a := 1, b:=:n)", "f(a := 1, b:=7)")]
    [TestCase("select :outer", "select 7 + 7")]
    [TestCase("select :self", "select :self + 1")]
    [TestCase(":two", "select 1", "select 2")]
    [TestCase("select :quote:n' ; select 3", "select ':n'", "select 3")]
    [TestCase("select :", "select :")]
    [TestCase("select :'n", "select :'n")]
    public async Task Are_replaced_as_psql_does(string script, params string[] statements)
    {
        foreach (var size in new[] { 1, 2, 3, int.MaxValue })
        {
            Assert.That(await SplitAsync(script, size), Is.EqualTo(statements), $"in pieces of {size}");
        }
    }

    [Test]
    public async Task Mean_nothing_where_none_are_given(CancellationToken cancellationToken)
    {
        await using var scanner = new ScriptScanner(new MemoryStream("select :n"u8.ToArray()));

        await scanner.ReadAsync(cancellationToken);

        Assert.That(Encoding.UTF8.GetString(scanner.Text.Span), Is.EqualTo("select :n"));
    }

    [TestCase(1)]
    [TestCase(70_000)]
    [TestCase(1_000_000)]
    public async Task May_be_of_any_length(int length, CancellationToken cancellationToken)
    {
        var value = new string('x', length);
        var script = $"select :'long', {new string('y', 40_000)}, :'long'; select 2";
        await using var scanner = new ScriptScanner(new MemoryStream(Encoding.UTF8.GetBytes(script)), new ScriptVariables(new Dictionary<string, string> { ["long"] = value }, long.MaxValue));

        await scanner.ReadAsync(cancellationToken);
        Assert.That(Encoding.UTF8.GetString(scanner.Text.Span), Is.EqualTo($"select '{value}', {new string('y', 40_000)}, '{value}'"));
        await scanner.ReadAsync(cancellationToken);
        Assert.That((Encoding.UTF8.GetString(scanner.Text.Span), scanner.BytesRead), Is.EqualTo(("select 2", (long)script.Length)));
    }

    [TestCase("select :'v', :'v', :'v', :'v';", 2000, null)]
    [TestCase("select 1;\nselect\n:'v', :'v', :'v', :'v', :'v';", 2000, 3)]
    [TestCase(":'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';:'v';\n:'v';:'v';:'v';", 2000, 2)]
    [TestCase(":v", 20, 1, Description = "a value that doubles itself")]
    public async Task May_make_a_script_longer_by_no_more_than_their_limit(
        string script, long limit, int? line, CancellationToken cancellationToken)
    {
        var values = new Dictionary<string, string>
        {
            ["v"] = script == ":v" ? ":a:a" : new string('x', 500), ["a"] = ":b:b", ["b"] = ":c:c", ["c"] = ":d:d", ["d"] = "xx",
        };
        await using var scanner = new ScriptScanner(
            new MemoryStream(Encoding.UTF8.GetBytes(script)), new ScriptVariables(values, limit));

        var read = async () =>
        {
            while (await scanner.ReadAsync(cancellationToken) is not null)
            {
            }
        };

        if (line is null)
        {
            await read();
            return;
        }

        var refused = await Assert.ThrowsAsync<ScriptException>(() => read());
        Assert.That(refused!.Message, Does.Contain("max_variable_bytes"));
        Assert.That(refused.Line, Is.EqualTo(line));
    }

    [Test]
    public async Task Cost_no_more_than_their_limit_however_often_they_are_used(CancellationToken cancellationToken)
    {
        const int Budget = 64 * 1024 * 1024;
        var script = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("select :'v';\n", 100_000)));
        var command = PluginTestServer.Json("{}");
        var settings = JobSettings.Read(
            command, new() { ["query"] = "select 1", ["variables"] = new JsonObject { ["v"] = new string('x', 50_000) } });
        await using var scanner = new ScriptScanner(
            new MemoryStream(script), new ScriptVariables(settings.Variables!, settings.MaxVariableBytes));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var read = 0;

        var refused = await Assert.ThrowsAsync<ScriptException>(async () =>
        {
            while (await scanner.ReadAsync(cancellationToken) is not null)
            {
                read++;
            }
        });

        Assert.That(refused!.Message, Does.Contain("four times the command's max_variable_bytes"));
        Assert.That((read, GC.GetAllocatedBytesForCurrentThread() - before < Budget), Is.EqualTo((1024 * 1024 * 1024 / 49_998, true)));
    }

    [Test]
    public async Task Do_not_move_what_stands_behind_them(CancellationToken cancellationToken)
    {
        await using var scanner = new ScriptScanner(new MemoryStream("select :lines; select :n; select 3;\nselect 4"u8.ToArray()), new ScriptVariables(Values, long.MaxValue));
        var places = new List<(long, int, long)>();

        while (await scanner.ReadAsync(cancellationToken) is { } statement)
        {
            places.Add((statement.Line, statement.Column, scanner.BytesRead));
        }

        Assert.That(places, Is.EqualTo(new[] { (1L, 1, 14L), (1L, 16, 25L), (1L, 27, 35L), (2L, 1, 44L) }));
    }

    [Test]
    public async Task Reach_the_server_quoted_and_keep_the_place_of_an_error(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();
        var good = server.Job(Context("create table :\"t\" (w text);\ninsert into :\"t\" values (:'w'), (:n);", new() { ["t"] = "Odd \"name\"", ["w"] = @"it's \ here", ["n"] = 5, }));
        var bad = server.Job(Context("select 1;\nselect :'w', :n, missing", new() { ["w"] = "a long text, much longer than its name", ["n"] = 1 }));

        await server.Plugin.RunAsync(good, new FakeJobMonitor(), cancellationToken);
        var failed = await Assert.ThrowsAsync<JobFailedException>(() => server.Plugin.RunAsync(bad, new FakeJobMonitor(), cancellationToken));

        Assert.That(await server.ScalarAsync<string>("select string_agg(w, '|' order by w desc) from \"Odd \"\"name\"\"\"", cancellationToken), Is.EqualTo(@"it's \ here|5"));
        Assert.That((failed!.Failure.SqlState, failed.Failure.Errors[0].Line, failed.Failure.Errors[0].Column), Is.EqualTo(("42703", (long?)2, (int?)18)));
    }

    [TestCase("""{"query": "select 1", "variables": {"a b": "x"}}""", "variables.a b")]
    [TestCase("""{"query": "select 1", "variables": {"a": [1]}}""", "variables.a")]
    [TestCase("""{"query": "select 1", "variables": {"a": null}}""", "variables.a")]
    [TestCase("""{"query": "select 1", "variables": {"a": "\u0000"}}""", "variables.a")]
    [TestCase("""{"query": "select 1", "variables": "a=b"}""", "variables")]
    [TestCase("""{"query": "select 1", "variables": {"a": "b"}, "return_result": true}""", "variables")]
    [TestCase("""{"query": "select 1", "on_error": "continue"}""", "on_error")]
    [TestCase("""{"query": "select 1", "on_error": "ignore", "transaction": "none"}""", "on_error")]
    [TestCase("""{"query": "select 1", "transaction": "none", "return_result": true}""", "transaction")]
    public async Task A_context_that_cannot_be_meant_is_refused_by_field(string context, string field)
    {
        await using var server = await PluginTestServer.StartAsync();
        var job = server.Job(context);

        var refused = Assert.Throws<JobRefusedException>(() => server.Plugin.Plan(job.CommandContext, job.Context));

        Assert.That(refused!.Problems.Select(problem => problem.Path), Is.EqualTo(new[] { field }));
    }

    private static string Context(string sql, JsonObject variables) => new JsonObject { ["query"] = sql, ["variables"] = variables }.ToJsonString();

    private static async Task<List<string>> SplitAsync(string script, int pieceSize)
    {
        await using var scanner = new ScriptScanner(new PiecewiseStream(Encoding.UTF8.GetBytes(script), pieceSize), new ScriptVariables(Values, long.MaxValue));
        var statements = new List<string>();
        try
        {
            while (await scanner.ReadAsync(TestContext.CurrentContext.CancellationToken) is not null)
            {
                statements.Add(Encoding.UTF8.GetString(scanner.Text.Span));
            }
        }
        catch (ScriptException)
        {
            statements.Add(script);
        }

        return statements;
    }
}
