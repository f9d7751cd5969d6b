using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Callers known by their API keys.</summary>
[CancelAfter(60_000)]
public sealed partial class CallerTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;
    private string _key = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        var (exitCode, output) = await HeimdallProcess.RunAsync("Heimdall.Api", CancellationToken.None, "--new-key", "alice");
        Assert.That(exitCode, Is.Zero, output);
        _key = Key().Match(output).Value;
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = $"api_keys: [{{user: alice, hash: \"{Hash().Match(output).Value}\"}}], roles: [{{role: admin, users: [alice]}}]", SqlUploads = "enabled: true" }, worker: false);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_new_key_is_not_what_is_configured_for_it(CancellationToken cancellationToken)
    {
        var (_, output) = await HeimdallProcess.RunAsync("Heimdall.Api", cancellationToken, "--new-key", "bob: \"the builder\" #1");

        Assert.That(output, Does.Contain("""user: "bob: \"the builder\" #1" """.TrimEnd()));
        Assert.That(Key().Match(output).Value, Is.Not.Empty.And.Not.EqualTo(_key));
        Assert.That(await File.ReadAllTextAsync(_heimdall.ConfigFile, cancellationToken), Does.Not.Contain(_key));
    }

    [Test]
    public async Task A_key_names_the_user(CancellationToken cancellationToken)
    {
        var job = await _heimdall.PostJobAsync(Job, cancellationToken, ("Authorization", $"Bearer {_key}"));

        Assert.That(job.AssertStatus(200)["user"], Is.EqualTo("alice"));
    }

    [Test]
    public async Task A_key_may_be_given_in_several_ways(CancellationToken cancellationToken)
    {
        var header = await GetJobsAsync(cancellationToken, ("X-Api-Key", _key));
        var basic = await GetJobsAsync(cancellationToken, ("Authorization", $"Basic {Base64($"whoever:{_key}")}"));

        header.AssertStatus(200);
        basic.AssertStatus(200);
    }

    [Test]
    public async Task A_header_does_not_name_the_user_unless_it_is_configured(CancellationToken cancellationToken)
    {
        var job = await _heimdall.PostJobAsync(Job, cancellationToken, ("Authorization", $"Bearer {_key}"), ("X-Heimdall-User", "mallory"));
        var keyless = await GetJobsAsync(cancellationToken, ("X-Heimdall-User", "mallory"));

        Assert.That(job.AssertStatus(200)["user"], Is.EqualTo("alice"));
        keyless.AssertProblem(401);
    }

    [TestCase(null)]
    [TestCase("Bearer hk_0000000000000000000000000000000000000000000000000000000000000000")]
    [TestCase("Bearer ")]
    [TestCase("Bearer")]
    [TestCase("Basic ???")]
    [TestCase("Digest x")]
    public async Task Without_a_key_there_is_no_way_in(string? authorization, CancellationToken cancellationToken)
    {
        (string, string)[] headers = authorization is null ? [] : [("Authorization", authorization)];

        foreach (var path in new[] { "/api/v1/jobs", "/api/v1/commands", "/api/v1/clusters", "/hangfire", "/hangfire/jobs/enqueued" })
        {
            var reply = await _heimdall.SendAsync(HttpMethod.Get, path, cancellationToken, headers: headers);

            reply.AssertProblem(401, "API key");
            Assert.That(reply.Headers.WwwAuthenticate.Single().Scheme, Is.EqualTo(path.StartsWith("/hangfire", StringComparison.Ordinal) ? "Basic" : "Bearer"));
        }
        var submission = await _heimdall.PostJobAsync(Job, cancellationToken, headers);
        submission.AssertProblem(401);
    }

    [TestCase("Bearer hk_0000000000000000000000000000000000000000000000000000000000000000", "does not know the API key", "Bearer realm=\"Heimdall\", error=\"invalid_token\"")]
    [TestCase("hk_0000000000000000000000000000000000000000000000000000000000000000", "lacks the word 'Bearer' before it", "Bearer realm=\"Heimdall\"")]
    [TestCase(null, "This server needs an API key as 'Authorization: Bearer <key>'.", "Bearer realm=\"Heimdall\"")]
    public async Task A_wrong_key_is_told_from_none(string? authorization, string detail, string challenge, CancellationToken cancellationToken)
    {
        var reply = await GetJobsAsync(cancellationToken, authorization is null ? [] : [("Authorization", authorization)]);

        reply.AssertProblem(401, detail);
        Assert.That(reply.Text, Does.Not.Contain("hk_"));
        Assert.That(reply.Headers.WwwAuthenticate.Single().ToString(), Is.EqualTo(challenge));
    }

    [Test]
    public async Task The_way_in_is_shown_to_everybody(CancellationToken cancellationToken)
    {
        var entrance = await _heimdall.GetAsync("/", cancellationToken);
        var health = await _heimdall.GetAsync("/health", cancellationToken);
        var unknown = await _heimdall.GetAsync("/api/v1/nothing", cancellationToken);

        Assert.That(entrance.AssertStatus(200)["dashboard"], Is.EqualTo("/hangfire"));
        health.AssertProblem(404, "Did you mean GET /healthz?");
        unknown.AssertProblem(401);
    }

    [TestCase("GET", "/api/v1/sql")]
    [TestCase("GET", "/api/v1/sql/there.sql")]
    [TestCase("PUT", "/api/v1/sql/new.sql")]
    [TestCase("DELETE", "/api/v1/sql/there.sql")]
    public async Task Without_a_key_no_script_is_within_reach(string method, string path, CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("there.sql", "select 1");

        var reply = await _heimdall.SendAsync(new HttpMethod(method), path, cancellationToken, method == "PUT" ? new StringContent("select 2") : null);

        reply.AssertProblem(401, "API key");
        Assert.That(Directory.GetFiles(_heimdall.SqlDirectory).Select(Path.GetFileName), Is.EqualTo(new[] { "there.sql" }));
    }

    [Test]
    public async Task The_dashboard_opens_with_a_key(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(
            HttpMethod.Get, "/hangfire", cancellationToken, headers: ("Authorization", $"Basic {Base64($"alice:{_key}")}"));

        reply.AssertStatus(200);
    }

    [Test]
    public async Task Health_needs_no_key(CancellationToken cancellationToken)
    {
        var alive = await _heimdall.GetAsync("/healthz", cancellationToken);
        var ready = await _heimdall.GetAsync("/readyz", cancellationToken);

        alive.AssertStatus(200);
        ready.AssertStatus(200);
    }

    internal const string Job =
        """{"name":"who","command_criteria":["type:postgres"],"cluster_criteria":["_id:postgres"],"context":{"query":"select 1","return_result":true}}""";

    private Task<Reply> GetJobsAsync(CancellationToken cancellationToken, params (string, string)[] headers) =>
        _heimdall.SendAsync(HttpMethod.Get, "/api/v1/jobs", cancellationToken, headers: headers);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    [GeneratedRegex("hk_[0-9a-f]{64}")]
    private static partial Regex Key();

    [GeneratedRegex(@"sha256:\S+")]
    private static partial Regex Hash();
}
