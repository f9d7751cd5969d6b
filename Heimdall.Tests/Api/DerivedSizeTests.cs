using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>A small request has no large reply.</summary>
[CancelAfter(60_000)]
public sealed class DerivedSizeTests
{
    private const int Large = 200_000;

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Of_many_unknown_fields_the_first_are_named_and_the_others_counted(CancellationToken cancellationToken)
    {
        var fields = string.Join(',', Enumerable.Range(0, 200_000).Select(i => $"\"f{i}\":0"));

        var job = await SendAsync("POST", "job", $$"""{"name":"x",{{fields}}}""", cancellationToken);
        var status = await SendAsync("PUT", "cluster/postgres/status", $$"""{"status":"ACTIVE",{{fields}}}""", cancellationToken);
        var context = await SendAsync("POST", "job", Job($"\"query\":\"select 1\",{fields}"), cancellationToken);

        AssertBounded(job, named: 100, leftOut: 199_901);
        AssertBounded(status, named: 100, leftOut: 199_900);
        AssertBounded(context, named: 100, leftOut: 199_900);
        Assert.That(job["detail"],
            Does.Contain("And 50 more, which are in 'errors'. 199901 more faults are not named."));
    }

    [Test]
    public async Task So_it_is_for_many_jobs_with_many_faults(CancellationToken cancellationToken)
    {
        var fields = string.Join(',', Enumerable.Range(0, 1500).Select(i => $"\"f{i}\":0"));
        var jobs = string.Join(',', Enumerable.Repeat($$"""{"name":"x","context":{},{{fields}}}""", 1000));
        var contexts = string.Join(',', Enumerable.Repeat(Job($"\"query\":\"select 1\",{fields}"), 500));

        var unknown = await SendAsync("POST", "jobs", $"[{jobs}]", cancellationToken);
        var inContexts = await SendAsync("POST", "jobs", $"[{contexts}]", cancellationToken);

        AssertBounded(unknown, named: 100, leftOut: (1000 * 1500) - 100);
        AssertBounded(inContexts, named: 100, leftOut: (500 * 1500) - 100);
    }

    [Test]
    public async Task Jobs_that_nothing_matches_are_bounded_too(CancellationToken cancellationToken)
    {
        var job = Job("\"query\":\"select 1\"").Replace("type:postgres",
            $"none:{new string('n', 250)}", StringComparison.Ordinal);

        var reply = await SendAsync(
            "POST", "jobs", $"[{string.Join(',', Enumerable.Repeat(job, 1000))}]", cancellationToken);

        reply.AssertProblem(422);
        AssertBounded(reply, named: 100, leftOut: 900);
    }

    [Test]
    public async Task A_long_name_is_cut(CancellationToken cancellationToken)
    {
        var name = new string('é', 2_000_000);

        var field = await SendAsync("POST", "job", $$"""{"{{name}}":0}""", cancellationToken);
        var inContext = await SendAsync("POST", "job", Job($"\"query\":\"select 1\",\"{name}\":0"), cancellationToken);
        var parameter = await SendAsync(
            "POST", "job",
            Job($$"""
                "query":"select 1","return_result":true,"parameters":[{"value":1,"{{name}}":0},{"name":"{{name}}","value":1}]
                """),
            cancellationToken);

        foreach (var reply in new[] { field, inContext, parameter })
        {
            reply.AssertProblem(400, "ééé…");
            Assert.That(reply.Text, Has.Length.LessThan(10_000));
        }
    }

    [Test]
    public async Task The_answer_to_a_question_is_bounded(CancellationToken cancellationToken)
    {
        var tags = string.Join(',', Enumerable.Range(0, 100).Select(i => $"\"{i}{new string('t', 250)}\""));
        var name = new string('n', 1_000_000);
        var fields = string.Join(',', Enumerable.Range(0, 10_000).Select(i => $"\"f{i}\":0"));

        var lost = await SendAsync(
            "POST", "resolve", $$"""{"command_criteria":[{{tags}}],"cluster_criteria":[{{tags}}]}""", cancellationToken);
        var wrong = await SendAsync("POST", "resolve",
            Job($"\"query\":\"select 1\",\"{name}\":0,{fields}"), cancellationToken);

        Assert.That(lost.AssertStatus(200)["reason"], Does.Contain("and 90 more]"));
        Assert.That(wrong.AssertStatus(200).Json.GetProperty("problems").GetArrayLength(), Is.EqualTo(100));
        Assert.That(new[] { lost.Text.Length, wrong.Text.Length }, Is.All.LessThan(Large));
    }

    [Test]
    public async Task Text_that_is_no_Unicode_is_bounded(CancellationToken cancellationToken)
    {
        var strings = string.Join(',', Enumerable.Repeat("\"\\ud800\"", 100_000));

        var reply = await SendAsync("POST", "job", $$"""{"tags":[{{strings}}]}""", cancellationToken);

        AssertBounded(reply, named: 100, leftOut: 99_900);
    }

    private static void AssertBounded(Reply reply, int named, int leftOut)
    {
        Assert.That(reply.Text, Has.Length.LessThan(Large));
        Assert.That(
            reply.Json.GetProperty("errors").EnumerateObject().Sum(field => field.Value.GetArrayLength()),
                Is.EqualTo(named));
        Assert.That(reply.Json.GetProperty("errors_left_out").GetInt32(), Is.EqualTo(leftOut));
        Assert.That(reply.Json.GetProperty("errors").ValueKind, Is.EqualTo(JsonValueKind.Object));
    }

    private static string Job(string context) => $$"""
        {"name":"x","command_criteria":["type:postgres"],"cluster_criteria":["_id:postgres"],"context":{ {{context}} } }
        """;

    private Task<Reply> SendAsync(string method, string path, string body, CancellationToken cancellationToken) =>
        _heimdall.SendAsync(
            new HttpMethod(method), $"/api/v1/{path}", cancellationToken,
            new StringContent(body, Encoding.UTF8, "application/json"));
}
