using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Which command and cluster a job would get, and why each of the others lost.</summary>
[CancelAfter(60_000)]
public sealed class ResolveTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => config
                .WithCommand("retired", "type:postgres", ", status: inactive")
                .WithCommand("private", "type:postgres, type:private", ", allowed_callers: [alice]")
                .WithCommand("homeless", "type:postgres, type:homeless", clusterTags: "data:nowhere")
                .WithCommand("limited", "type:limited", ", context: {max_timeout_seconds: 5}")
                .WithCommand("other", "type:other")
                .WithCluster("heavy", "type:postgres, data:local, data:heavy", config.Target, ", weight: 3")
                .WithCluster("drained", "type:postgres, data:local, data:drained", config.Target, ", status: inactive")
                .WithCluster("down", "type:postgres, data:local, data:down", "postgresql://127.0.0.1:1/nothing")
                .WithCluster("foreign", "type:mysql, data:local", config.Target)
                .WithCluster("elsewhere", "type:postgres, data:elsewhere", config.Target),
            worker: false);
        await _heimdall.GetAsync("/api/v1/clusters/health", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Each_command_and_cluster_is_a_candidate_or_told_why_not(CancellationToken cancellationToken)
    {
        var reply = await ResolveAsync("""{"command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"]}""", cancellationToken);

        Assert.That(reply.AssertStatus(200)["found"], Is.EqualTo("True"));
        Assert.That(reply["reason"], Is.Null);
        Assert.That(reply["problems"], Is.Null);
        Assert.That(reply["pairs"], Is.EqualTo(
            """
            [{"command_id":"postgres-0.0.1","command_name":"postgres-0.0.1","cluster_id":"heavy","cluster_name":"heavy","weight":3,"probability":0.75},{"command_id":"postgres-0.0.1","command_name":"postgres-0.0.1","cluster_id":"postgres","cluster_name":"postgres","weight":1,"probability":0.25}]
            """.Trim()));
        Assert.That(Reasons(reply, "commands"), Is.EquivalentTo(new Dictionary<string, string?>
        {
            ["postgres-0.0.1"] = null,
            ["retired"] = "Is inactive.",
            ["private"] = "User 'anonymous' may not use it.",
            ["homeless"] = "No active, healthy cluster carries the cluster criteria and its cluster tags [data:nowhere].",
            ["limited"] = "Lacks the tags [type:postgres].",
            ["other"] = "Lacks the tags [type:postgres].",
        }));
        Assert.That(Reasons(reply, "clusters"), Is.EquivalentTo(new Dictionary<string, string?>
        {
            ["postgres"] = null,
            ["heavy"] = null,
            ["drained"] = "Is inactive.",
            ["down"] = "Did not answer its last health check.",
            ["foreign"] = "Lacks the cluster tags [data:nowhere] of command 'homeless' and [type:postgres] of command 'postgres-0.0.1'.",
            ["elsewhere"] = "Lacks the tags [data:local].",
        }));
    }

    [TestCase("type:unknown", "data:local")]
    [TestCase("type:private", "data:local")]
    [TestCase("type:homeless", "data:local")]
    [TestCase("type:postgres", "data:unknown")]
    [TestCase("type:postgres", "data:drained")]
    [TestCase("type:postgres", "data:down")]
    [TestCase("_id:retired", "data:local")]
    public async Task Where_nothing_is_found_the_reason_is_that_of_a_submission(string command, string cluster, CancellationToken cancellationToken)
    {
        var submitted = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, command: command, cluster: cluster);

        var reply = await ResolveAsync($$$"""{"command_criteria": ["{{{command}}}"], "cluster_criteria": ["{{{cluster}}}"], "context": {}}""", cancellationToken);

        Assert.That((int)submitted.Status, Is.AnyOf(422, 403, 503));
        Assert.That(reply.AssertStatus(200)["found"], Is.EqualTo("False"));
        Assert.That(reply["reason"], Is.EqualTo(submitted["detail"]));
        Assert.That(reply["pairs"], Is.EqualTo("[]"));
        Assert.That(Reasons(reply, "commands").Values.Concat(Reasons(reply, "clusters").Values), Has.None.Null);
    }

    [TestCase("""{"query": "select 1", "timeout_seconds": 3}""", "")]
    [TestCase("""{"query": "missing.sql", "timeout_seconds": 30, "colour": "red"}""", "context.timeout_seconds context.colour")]
    [TestCase("""{"query": "select 1; select 2", "return_result": true}""", "context.query")]
    public async Task A_context_is_checked_by_the_plugin(string context, string problems, CancellationToken cancellationToken)
    {
        var reply = await ResolveAsync(
            $$"""{"name": "a", "version": "1", "command_criteria": ["type:limited"], "cluster_criteria": ["_id:postgres"], "context": {{context}}}""", cancellationToken);

        Assert.That(reply.AssertStatus(200)["found"], Is.EqualTo("True"));
        Assert.That(
            reply.Json.GetProperty("problems").EnumerateArray().Select(problem => problem.GetProperty("path").GetString()),
            Is.EquivalentTo(problems.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Test]
    public async Task The_caller_counts(CancellationToken cancellationToken)
    {
        var reply = await ResolveAsync("""{"command_criteria": ["type:private"], "cluster_criteria": ["_id:postgres"]}""", cancellationToken, "alice");

        Assert.That(reply.AssertStatus(200)["found"], Is.EqualTo("True"));
    }

    [TestCase("""{"command_criteria": ["a"], "cluster_criteria": ["b"], "colour": "red"}""", 400, "colour: Unknown field.")]
    [TestCase("""{"command_criteria": "a", "cluster_criteria": ["b"]}""", 400, "command_criteria: ")]
    [TestCase("""{"command_criteria": ["a"], "cluster_criteria": ["b"], "context": 5}""", 400, "context: ")]
    [TestCase("""{"command_criteria": ["a"]}""", 422, "cluster_criteria: empty.")]
    [TestCase("""[]""", 400, "object")]
    public async Task What_is_no_question_is_refused(string body, int status, string what, CancellationToken cancellationToken)
    {
        var reply = await ResolveAsync(body, cancellationToken);

        reply.AssertProblem(status, what);
    }

    [Test]
    public async Task Nothing_is_recorded(CancellationToken cancellationToken)
    {
        await ResolveAsync("""{"name": "resolved", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"], "context": {"query": "select 1"}}""", cancellationToken);

        var jobs = await _heimdall.GetAsync("/api/v1/jobs?name=resolved", cancellationToken);
        Assert.That(jobs.AssertStatus(200).Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_context_for_all_clusters_is_checked_when_they_are_down_too(CancellationToken cancellationToken)
    {
        var reply = await ResolveAsync(
            """
            {"command_criteria": ["_id:postgres-0.0.1"], "cluster_criteria": ["data:down"], "target": "all",
            "context": {"query": "select 1", "colour": "red"}}
            """,
            cancellationToken);

        Assert.That(reply.AssertStatus(200)["found"], Is.EqualTo("True"));
        Assert.That(
            reply.Json.GetProperty("targets").EnumerateArray().Single().GetProperty("cluster_id").GetString(),
            Is.EqualTo("down"));
        Assert.That(Reasons(reply, "clusters")["down"], Is.Null);
        Assert.That(
            reply.Json.GetProperty("problems").EnumerateArray().Single().GetProperty("path").GetString(),
            Is.EqualTo("context.colour"));
    }

    private Task<Reply> ResolveAsync(string body, CancellationToken cancellationToken, string user = "anonymous") => _heimdall.SendAsync(
        HttpMethod.Post, "/api/v1/resolve", cancellationToken, new StringContent(body, Encoding.UTF8, "application/json"), ("X-Heimdall-User", user));

    private static Dictionary<string, string?> Reasons(Reply reply, string list) => reply.Json.GetProperty(list).EnumerateArray().ToDictionary(
        item => item.GetProperty("id").GetString()!,
        item => item.GetProperty("candidate").GetBoolean() ? null : Reason(item));

    private static string? Reason(JsonElement item) => item.GetProperty("reason").GetString();
}
