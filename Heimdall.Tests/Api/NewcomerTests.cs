using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>
/// What goes wrong in the first minutes: each answer says what is right. Keys and addresses are in
/// <see cref="CallerTests"/> and <see cref="RouteTests"/>.
/// </summary>
[CancelAfter(60_000)]
public sealed class NewcomerTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("commandCriteria", "Did you mean command_criteria?")]
    [TestCase("CommandCriteria", "Did you mean command_criteria?")]
    [TestCase("command-criteria", "Did you mean command_criteria?")]
    [TestCase("comand_criteria", "Did you mean command_criteria?")]
    [TestCase("tag", "Did you mean tags?")]
    [TestCase("dryRun", "Did you mean dry_run?")]
    public async Task A_field_in_another_spelling_is_told_the_right_one(
        string field, string detail, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(
            $$"""
            {"name": "x", "{{field}}": [], "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
             "context": {"query": "select 1"} }
            """,
            cancellationToken);

        reply.AssertProblem(400, field, detail);
    }

    [Test]
    public async Task A_field_that_is_like_none_is_told_what_there_is(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync("""{"colour": "red"}""", cancellationToken);

        reply.AssertProblem(400, "colour: Unknown field. Known are: name, version");
        Assert.That(reply["detail"], Does.Not.Contain("Did you mean"));
    }

    [TestCase("returnResult", "did you mean return_result?")]
    [TestCase("querry", "did you mean query?")]
    [TestCase("timeoutSeconds", "did you mean timeout_seconds?")]
    public async Task A_field_of_the_context_too(string field, string detail, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.PostJobAsync(
            $$"""
            {"name": "x", "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
             "context": {"query": "select 1", "{{field}}": true} }
            """,
            cancellationToken);

        reply.AssertStatus(400);
        Assert.That(reply["detail"], Does.Contain($"context.{field}").And.Contain(detail).IgnoreCase);
    }

    [TestCase("/api/v1/jobs?orderBy=created_at", "Did you mean order_by?")]
    [TestCase("/api/v1/jobs?status=SUCCEDED", "Did you mean SUCCEEDED?")]
    [TestCase("/api/v1/audit?actions=x", "Did you mean action?")]
    public async Task A_parameter_too(string path, string detail, CancellationToken cancellationToken) =>
        (await _heimdall.GetAsync(path, cancellationToken)).AssertProblem(400, detail);

    [TestCase("type:Postgres", "data:local", "Did you mean [type:postgres]?")]
    [TestCase("type:postgres", "Data:Local", "Did you mean [data:local]?")]
    [TestCase("type:postgres", "_id:postgre", "Did you mean [_id:postgres]?")]
    public async Task Tags_in_another_case_are_told_the_right_one(
        string command, string cluster, string detail, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(
            "select 1", returnResult: true, cancellationToken, command: command, cluster: cluster);

        reply.AssertProblem(422, detail);
    }

    [TestCase("select :x", """a query has it in parameters, as in {"x": 1}""")]
    [TestCase("select * from pg_class where relname = :name and oid > 5", """as in {"name": 1}""")]
    [TestCase("headcount", "its path ends in .sql, as in headcount.sql")]
    [TestCase("reports/headcount;", "its path ends in .sql, as in reports/headcount.sql")]
    public async Task What_is_no_SQL_gets_a_hint(string query, string hint, CancellationToken cancellationToken)
    {
        var inline = await _heimdall.SubmitAsync(query, returnResult: true, cancellationToken);
        var batch = await _heimdall.SubmitAsync(query, returnResult: false, cancellationToken, prefer: "wait=60");

        inline.AssertProblem(400, "syntax error");
        Assert.That(inline["hint"], Does.Contain(hint));
        Assert.That(batch.AssertStatus(200)["status"], Is.EqualTo("FAILED"));
        Assert.That(batch.Json.GetProperty("errors")[0].GetProperty("hint").GetString(), Does.Contain(hint));
    }

    [TestCase("selec 1")]
    [TestCase("select array[1,2][1:2")]
    [TestCase("select 1::int4x y z")]
    public async Task Other_errors_get_none(string query, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SubmitAsync(query, returnResult: true, cancellationToken);

        Assert.That((int)reply.Status, Is.EqualTo(400), reply.Text);
        Assert.That(reply.Json.TryGetProperty("hint", out _), Is.False, reply.Text);
    }

    [Test]
    public async Task The_errors_of_a_problem_are_messages_by_field_always(CancellationToken cancellationToken)
    {
        Reply[] problems =
        [
            await _heimdall.PostJobAsync("{", cancellationToken),
            await _heimdall.PostJobAsync("", cancellationToken),
            await _heimdall.PostJobAsync("""{"a": 1}""", cancellationToken),
            await _heimdall.GetAsync("/api/v1/jobs?a=1", cancellationToken),
            await _heimdall.SendAsync(
                HttpMethod.Post, "/api/v1/jobs", cancellationToken,
                new StringContent("[{}, 1]", System.Text.Encoding.UTF8, "application/json")),
            await _heimdall.SendAsync(
                HttpMethod.Put, "/api/v1/schedule/x", cancellationToken,
                new StringContent("""{"cron": "x"}""", System.Text.Encoding.UTF8, "application/json")),
        ];

        foreach (var problem in problems)
        {
            var errors = problem.AssertProblem(400).Json.GetProperty("errors");
            Assert.That(errors.ValueKind, Is.EqualTo(JsonValueKind.Object), problem.Text);
            Assert.That(errors.EnumerateObject().Select(field => field.Value.ValueKind), Is.All.EqualTo(JsonValueKind.Array));
        }
    }
}
