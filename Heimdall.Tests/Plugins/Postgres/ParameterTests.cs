using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Values that are bound to a query.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(120_000)]
public sealed class ParameterTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync("create type mood as enum ('sad', 'happy'); create domain even as int check (value % 2 = 0); create type pair as (a int, b text)");
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("select $1", """["it's; drop table x --"]""", "it's; drop table x --")]
    [TestCase("select $1::int + 1", "[41]", "42")]
    [TestCase("select $1 + 1", "[41]", "42")]
    [TestCase("select $1::numeric", "[0.10000000000000000000000000000000000001]", "0.10000000000000000000000000000000000001")]
    [TestCase("select $1::float8", "[1e300]", "1e+300")]
    [TestCase("select $1::bool", "[true]", "t")]
    [TestCase("select not $1", "[false]", "t")]
    [TestCase("select $1::text is null", "[null]", "t")]
    [TestCase("select $1::jsonb -> 'a'", """[{"a": [1, "ü"]}]""", """[1, "ü"]""")]
    [TestCase("select ($1::jsonb ->> 'a') || ($2::int[])[1]", """["{\"a\": 1}", [2]]""", "12", Description = "a string is the same beside an array")]
    [TestCase("select $1::jsonb", "[[1, null, [2]]]", "[1, null, [2]]")]
    [TestCase("select $1", """[{"type": "jsonb", "value": "\"text\""}]""", "\"text\"")]
    [TestCase("select jsonb_typeof($1)", """[{"type": "jsonb", "value": "{\"x\":1}"}]""", "object")]
    [TestCase("select jsonb_typeof($1::jsonb)", """["{\"x\":1}"]""", "object")]
    [TestCase("select $1::int[]", "[[1, null, 3]]", "{1,NULL,3}")]
    [TestCase("select $1::text[]", """[["a,b", "c\"d\\e", "", "NULL", "{}"]]""", """{"a,b","c\"d\\e","","NULL","{}"}""")]
    [TestCase("select $1::int[]", "[[]]", "{}")]
    [TestCase("select $1::int[]", "[[[1, 2], [3, 4]]]", "{{1,2},{3,4}}")]
    [TestCase("select 2 = any($1)", "[[1, 2]]", "t")]
    [TestCase("select $1::jsonb[]", """[[{"a": 1}]]""", """{"{\"a\": 1}"}""")]
    [TestCase("select pg_typeof($1)::text", """[{"type": "int8", "value": 1}]""", "bigint")]
    [TestCase("select pg_typeof($1)::text", """[{"type": "mood", "value": "happy"}]""", "mood")]
    [TestCase("select pg_typeof($1)::text || ($1)[2]", """[{"type": "mood[]", "value": ["happy", "sad"]}]""", "mood[]sad")]
    [TestCase("select ($1).b", """[{"type": "pair", "value": "(1,x)"}]""", "x")]
    [TestCase("select $1", """[{"type": "json", "value": ["a", {"b": 1}]}]""", """["a",{"b":1}]""")]
    [TestCase("select $2::text || $1::text", """["a", "b"]""", "ba")]
    [TestCase("select :a::int + :b::int + :a::int", """{"a": 1, "b": 40}""", "42")]
    [TestCase("select :b::text || :a", """[{"name": "a", "value": "x"}, {"name": "b", "type": "int4", "value": 7}]""", "7x")]
    [TestCase("select ':a', $$:a$$, \":a\"::text /* :a */ from (select 'c:a') s(\":a\") where :a = 1 -- :a", """{"a": 1}""", ":a")]
    [TestCase("select :größe::text", """{"größe": "ü"}""", "ü")]
    [TestCase("values (1), ($1::int) order by 1 desc limit 1", "[5]", "5")]
    public async Task A_value_is_bound(string sql, string parameters, string expected, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();

        await _server.Plugin.RunAsync(Job(sql, parameters, results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows.Single()[0], Is.EqualTo(expected));
    }

    [TestCase("select $1::int", """["x"]""", "22P02", "invalid input syntax")]
    [TestCase("select $1::even", "[3]", "23514", "check constraint")]
    [TestCase("select $1::int + $2::int", "[1]", "42P02", "there is no parameter $2")]
    [TestCase("select :a::int / 0", """{"a": 1}""", "22012", "division by zero")]
    public async Task A_value_the_server_refuses_is_an_error(string sql, string parameters, string sqlState, string says, CancellationToken cancellationToken)
    {
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(Job(sql, parameters, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That((failure.Kind, failure.SqlState), Is.EqualTo((JobFailureKind.Sql, sqlState)));
        Assert.That(failure.Message, Does.Contain(says));
    }

    [TestCase("select 1", "[1]", "1 are given, and the query uses 0")]
    [TestCase("select $1", """[{"type": "no_such_type", "value": 1}]""", "no type \"no_such_type\"")]
    [TestCase("select $1", """[{"type": "int4; drop", "value": 1}]""", "no type \"int4; drop\"")]
    public async Task What_does_not_fit_the_query_is_refused(string sql, string parameters, string says, CancellationToken cancellationToken)
    {
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(Job(sql, parameters, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken))).Failure;

        Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Message, Does.Contain(says));
    }

    [TestCase("select 1", "5", "parameters", "array of values")]
    [TestCase("select 1", """{"a": 1}""", "parameters.a", "not used")]
    [TestCase("select :'a'", """{"a": 1}""", "parameters.a", "not used")]
    [TestCase("select :a", """{"a b": 1}""", "parameters.a b", "no name")]
    [TestCase("select :a", """[{"name": "a", "value": 1}, 2]""", "parameters", "without")]
    [TestCase("select :a", """[{"name": "a", "value": 1}, {"name": "a", "value": 2}]""", "parameters[1]", "twice")]
    [TestCase("select $1", """["a\u0000b"]""", "parameters[0]", "NUL")]
    [TestCase("select $1", """[{"type": 5, "value": 1}]""", "parameters[0].type", "string")]
    [TestCase("select $1", """[{"value": 5, "typ": "int8"}]""", "parameters[0].typ", "no member")]
    [TestCase("select $1", """[{"type": "numeric(10,2)", "value": "1.005"}]""", "parameters[0].type", "$1::numeric(10,2)")]
    [TestCase("select $1", """[{"type": "varchar(3)", "value": "abcdef"}]""", "parameters[0].type", "length")]
    [TestCase("select $1", """[{"type": "interval year to month", "value": "1"}]""", "parameters[0].type", "fields")]
    public void What_is_no_parameter_is_refused_by_its_name(string sql, string parameters, string path, string says)
    {
        var job = Job(sql, parameters, new FakeResultWriter());

        var refusal = Assert.Throws<JobRefusedException>(() => _server.Plugin.Plan(job.CommandContext, job.Context));

        Assert.That(refusal.Problems.Select(problem => problem.Path), Has.Member(path));
        Assert.That(refusal.Message, Does.Contain(says));
    }

    [Test]
    public async Task An_error_is_found_where_the_name_stands(CancellationToken cancellationToken)
    {
        var failure = await FailAsync(
            "select :first_name,\n  :b::int + nonsense", """{"first_name": "x", "b": 1}""", cancellationToken);

        Assert.That((failure.Errors[0].Line, failure.Errors[0].Column), Is.EqualTo(((long?)2, (int?)13)));
    }

    [TestCase("select 1 where :what is null", """{"what": null}""", "could not determine data type of parameter :what")]
    [TestCase("select 1 where $1 is null", "[null]", "could not determine data type of parameter $1")]
    [TestCase("select 1 as :what", """{"what": 1}""", "syntax error at or near \":what\"")]
    [TestCase(
        "select :what::int, 'parameter $1'::int", """{"what": 1}""",
        "invalid input syntax for type integer: \"parameter $1\"")]
    public async Task An_error_speaks_of_the_names_that_the_caller_gave(
        string sql, string parameters, string says, CancellationToken cancellationToken)
    {
        var failure = await FailAsync(sql, parameters, cancellationToken);

        Assert.That((failure.Message, failure.Errors[0].Message), Is.EqualTo((says, says)));
    }

    [TestCase("select :what::int", """{"what": "x"}""", "parameter :what")]
    [TestCase("select $1::int", """["x"]""", "parameter $1")]
    public async Task An_error_of_a_value_names_its_parameter(
        string sql, string parameters, string says, CancellationToken cancellationToken)
    {
        var failure = await FailAsync(sql, parameters, cancellationToken);

        Assert.That(failure.SqlState, Is.EqualTo("22P02"));
        Assert.That(failure.Errors[0].Context, Does.StartWith(says)); // some servers show a part of the value behind it
    }

    [Test]
    public async Task A_statement_that_writes_takes_them(CancellationToken cancellationToken)
    {
        await _server.ExecuteAsync("create table taken (i int, t text[])");
        var results = new FakeResultWriter();

        var progress = await _server.Plugin.RunAsync(
            Job("insert into taken values ($1, $2) returning i, t", """[7, ["a", "b"]]""", results), new FakeJobMonitor(), cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "7", "{a,b}" }));
        Assert.That(progress.RowsAffected, Is.EqualTo(1));
        Assert.That(await _server.ScalarAsync<long>("select count(*) from taken", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public void A_batch_takes_none()
    {
        var job = _server.Job("""{"query": "select 1", "parameters": [1]}""");

        Assert.That(() => _server.Plugin.Plan(job.CommandContext, job.Context), Throws.InstanceOf<JobRefusedException>().With.Message.Contains("variables"));
    }

    private async Task<JobFailure> FailAsync(string sql, string parameters, CancellationToken cancellationToken)
    {
        var job = Job(sql, parameters, new FakeResultWriter());
        return (await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken))).Failure;
    }

    private PluginJob Job(string sql, string parameters, IResultWriter results) => _server.Job(
        new JsonObject { ["query"] = sql, ["return_result"] = true, ["parameters"] = JsonNode.Parse(parameters) }.ToJsonString(), results);
}
