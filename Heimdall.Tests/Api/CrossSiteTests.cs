using System.Text;
using Heimdall.Api.Callers;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What pages of other sites can have a browser do here.</summary>
[CancelAfter(60_000)]
public sealed class CrossSiteTests
{
    private const string Listed = "https://app.example.org";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with
        {
            Server = $"cors_origins: [\"{Listed}\"], public_url: \"http://localhost/heimdall\"",
            SqlUploads = "enabled: true",
        },
        worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("Sec-Fetch-Site", "cross-site")]
    [TestCase("Sec-Fetch-Site", "same-site")]
    [TestCase("Sec-Fetch-Site", "same-origin, cross-site")]
    [TestCase("Origin", "https://evil.example")]
    [TestCase("Origin", "http://127.0.0.1:1")]
    [TestCase("Origin", "null")]
    [TestCase("Origin", "https://app.example.org.evil.example")]
    public async Task Nothing_is_changed_by_a_page_of_another_site(
        string header, string value, CancellationToken cancellationToken)
    {
        foreach (var (method, path, body) in new[]
        {
            ("POST", "/api/v1/queue/pause", null), ("POST", "/api/v1/job", CallerTests.Job),
            ("PUT", "/api/v1/cluster/postgres/status", """{"status": "INACTIVE"}"""),
            ("PUT", "/api/v1/sql/evil.sql", "drop table t"), ("DELETE", "/api/v1/schedule/any", null),
            ("POST", "/hangfire/sql/pauses/end", null), ("POST", "/heimdall/api/v1/queue/pause", null),
            ("PATCH", "/nothing", null),
        })
        {
            var reply = await SendAsync(method, path, body, cancellationToken, (header, value));

            reply.AssertProblem(403, "another site", "server.cors_origins", "server.public_url");
            Assert.That(reply["type"], Is.EqualTo("urn:heimdall:problem:cross-site"), path);
        }
        var queue = await _heimdall.GetAsync("/api/v1/queue", cancellationToken);
        Assert.That(queue.Json.GetProperty("pauses").GetArrayLength(), Is.Zero);
        Assert.That(Directory.GetFiles(_heimdall.SqlDirectory), Is.Empty);
    }

    [TestCase("Sec-Fetch-Site", "same-origin")]
    [TestCase("Sec-Fetch-Site", "none")]
    [TestCase("Origin", "http://localhost")]
    public async Task A_page_of_the_server_itself_changes_what_it_may(
        string header, string value, CancellationToken cancellationToken)
    {
        var reply = await SendAsync("POST", "/api/v1/job", CallerTests.Job, cancellationToken, (header, value));

        reply.AssertStatus(200);
    }

    [Test]
    public async Task The_address_that_was_asked_is_the_servers_own_too(CancellationToken cancellationToken)
    {
        var origin = _heimdall.Address.GetLeftPart(UriPartial.Authority);

        var reply = await SendAsync("POST", "/api/v1/job", CallerTests.Job, cancellationToken, ("Origin", origin));

        reply.AssertStatus(200);
    }

    [Test]
    public async Task What_changes_nothing_is_answered_and_cannot_be_read_there(CancellationToken cancellationToken)
    {
        var reply = await SendAsync(
            "GET", "/api/v1/jobs", null, cancellationToken,
            ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example"));

        reply.AssertStatus(200);
        Assert.That(reply.Header("Access-Control-Allow-Origin"), Is.Null);
    }

    [TestCase("/api/v1/job")]
    [TestCase("/heimdall/api/v1/job")]
    public async Task A_listed_page_may_use_the_api(string path, CancellationToken cancellationToken)
    {
        var preflight = await SendAsync(
            "OPTIONS", path, null, cancellationToken,
            ("Origin", Listed), ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type"));
        var reply = await SendAsync(
            "POST", path, CallerTests.Job, cancellationToken, ("Origin", Listed), ("Sec-Fetch-Site", "cross-site"));
        var wrong = await SendAsync(
            "POST", path, "{}", cancellationToken, ("Origin", Listed), ("Sec-Fetch-Site", "cross-site"));

        preflight.AssertStatus(204);
        Assert.That(preflight.Header("Access-Control-Allow-Headers"), Is.EqualTo("authorization,content-type"));
        Assert.That(preflight.Header("Access-Control-Allow-Methods"), Does.Contain("POST").And.Contain("DELETE"));
        reply.AssertStatus(200);
        wrong.AssertProblem(400);
        foreach (var answer in new[] { preflight, reply, wrong })
        {
            Assert.That(answer.Header("Access-Control-Allow-Origin"), Is.EqualTo(Listed));
            Assert.That(answer.Header("Access-Control-Allow-Credentials"), Is.Null);
        }
        Assert.That(
            reply.Header("Access-Control-Expose-Headers"),
            Does.Contain("Heimdall-Job-Id").And.Contain("WWW-Authenticate"));
    }

    [Test]
    public async Task A_listed_page_does_not_act_with_the_key_that_a_browser_remembers(
        CancellationToken cancellationToken)
    {
        var (key, hash) = ApiKeyRing.Create();
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with
            {
                Server = $"cors_origins: [\"{Listed}\"]",
                Auth = $"api_keys: [{{user: alice, hash: \"{hash}\"}}], roles: [{{role: admin, users: [alice]}}]",
            },
            worker: false);
        var basic = ("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"alice:{key}"))}");
        Task<Reply> PauseAsync((string, string) sent, params (string, string)[] from) => heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/queue/pause", cancellationToken, null, [sent, .. from]);

        var remembered = await PauseAsync(basic, ("Origin", Listed), ("Sec-Fetch-Site", "cross-site"));
        var rememberedByAnOlder = await PauseAsync(basic, ("Origin", Listed));
        var queue = await heimdall.SendAsync(HttpMethod.Get, "/api/v1/queue", cancellationToken, null, basic);
        var given = await PauseAsync(
            ("Authorization", $"Bearer {key}"), ("Origin", Listed), ("Sec-Fetch-Site", "cross-site"));
        var own = await PauseAsync(basic, ("Origin", Listed), ("Sec-Fetch-Site", "same-origin"));

        remembered.AssertProblem(403, "another site", "Authorization: Bearer");
        rememberedByAnOlder.AssertProblem(403, "another site");
        Assert.That(queue.Json.GetProperty("pauses").GetArrayLength(), Is.Zero);
        given.AssertStatus(200);
        own.AssertStatus(200);
    }

    [Test]
    public async Task A_listed_page_does_not_reach_the_dashboard(CancellationToken cancellationToken)
    {
        var form = await SendAsync("POST", "/hangfire/sql/pauses/end", null, cancellationToken, ("Origin", Listed));
        var page = await SendAsync("GET", "/hangfire", null, cancellationToken, ("Origin", Listed));

        form.AssertProblem(403, "another site");
        Assert.That(page.Header("Access-Control-Allow-Origin"), Is.Null);
    }

    [Test]
    public async Task The_key_that_a_browser_remembers_does_not_help(CancellationToken cancellationToken)
    {
        var (key, hash) = ApiKeyRing.Create();
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Auth = $"api_keys: [{{user: alice, hash: \"{hash}\"}}]" }, worker: false);
        var basic = ("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"alice:{key}"))}");

        var own = await heimdall.PostJobAsync(CallerTests.Job, cancellationToken, basic);
        var foreign = await heimdall.PostJobAsync(
            CallerTests.Job, cancellationToken, basic, ("Sec-Fetch-Site", "cross-site"));
        var preflight = await heimdall.SendAsync(
            HttpMethod.Options, "/api/v1/job", cancellationToken, null,
            ("Origin", Listed), ("Access-Control-Request-Method", "POST"));

        own.AssertStatus(200);
        foreign.AssertProblem(403, "another site");
        Assert.That(preflight.Header("Access-Control-Allow-Origin"), Is.Null, "no page is listed by default");
    }

    private Task<Reply> SendAsync(
        string method, string path, string? body, CancellationToken cancellationToken,
        params (string Name, string Value)[] headers) => _heimdall.SendAsync(
        new HttpMethod(method), path, cancellationToken,
        body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"), headers);
}
