using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Callers where no <c>auth:</c> is configured, and where a header is trusted.</summary>
[CancelAfter(60_000)]
public sealed class OpenServerTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Whoever_says_no_name_is_anonymous(CancellationToken cancellationToken)
    {
        var nobody = await _heimdall.PostJobAsync(CallerTests.Job, cancellationToken);
        var alice = await _heimdall.PostJobAsync(CallerTests.Job, cancellationToken, ("X-Heimdall-User", "alice"));

        Assert.That(nobody.AssertStatus(200)["user"], Is.EqualTo("anonymous"));
        Assert.That(alice.AssertStatus(200)["user"], Is.EqualTo("alice"));
    }

    [TestCase("evil.example")]
    [TestCase("localhost.evil.example")]
    [TestCase("192.0.2.1")]
    public async Task A_page_that_rebinds_its_name_to_this_machine_is_refused(string host, CancellationToken cancellationToken)
    {
        foreach (var path in new[] { "/api/v1/jobs", "/hangfire", "/openapi/v1.json" })
        {
            var reply = await _heimdall.SendAsync(HttpMethod.Get, path, cancellationToken, headers: ("Host", host));

            reply.AssertProblem(403, "loopback");
        }
    }

    [TestCase("Forwarded", "for=192.0.2.1")]
    [TestCase("X-Forwarded-For", "127.0.0.1")]
    [TestCase("x-forwarded-proto", "https")]
    [TestCase("X-Forwarded-Host", "example.org")]
    [TestCase("X-Real-IP", "127.0.0.1")]
    [TestCase("Via", "1.1 example")]
    [TestCase("X-Forwarded", "for=192.0.2.1")]
    [TestCase("X-Forwarded-Prefix", "/heimdall")]
    [TestCase("X-Original-For", "192.0.2.1")]
    [TestCase("X-Client-IP", "192.0.2.1")]
    [TestCase("True-Client-IP", "192.0.2.1")]
    [TestCase("CF-Connecting-IP", "192.0.2.1")]
    public async Task What_a_proxy_passed_on_is_refused(string header, string value, CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(HttpMethod.Get, "/api/v1/jobs", cancellationToken, headers: (header, value));

        reply.AssertProblem(403, "loopback");
    }

    [Test]
    public async Task What_the_shipped_nginx_passes_on_is_refused(CancellationToken cancellationToken)
    {
        await using var nginx = await Nginx.StartAsync(
            FreePort.Find(),
            Repository.Read("configs/nginx/heimdall.conf")
                .Replace("http://127.0.0.1:9090", $"http://{_heimdall.Address.Authority}", StringComparison.Ordinal));
        using var reply = await nginx.Client.GetAsync("/heimdall/api/v1/jobs", cancellationToken);

        (await Reply.ReadAsync(reply, cancellationToken)).AssertProblem(403, "loopback");
    }

    [Test]
    public async Task A_loopback_name_is_served(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.SendAsync(HttpMethod.Get, "/api/v1/jobs", cancellationToken, headers: ("Host", $"localhost:{_heimdall.Address.Port}"));

        reply.AssertStatus(200);
    }

    [TestCase("0.0.0.0")]
    [TestCase("[::]")]
    [TestCase("*")]
    [TestCase("192.0.2.1")]
    public async Task An_open_server_does_not_listen_to_other_machines(string host, CancellationToken cancellationToken)
    {
        var yaml = await File.ReadAllTextAsync(_heimdall.ConfigFile, cancellationToken);
        var file = Path.Combine(Path.GetDirectoryName(_heimdall.ConfigFile)!, "open.yaml");
        await File.WriteAllTextAsync(file, yaml.Replace("http://127.0.0.1", $"http://{host}", StringComparison.Ordinal), cancellationToken);

        var (exitCode, output) = await HeimdallProcess.RunAsync("Heimdall.Api", cancellationToken, "--config", file);

        Assert.That(exitCode, Is.EqualTo(1), output);
        Assert.That(output, Does.Contain("server.listen").And.Contain(host == "*" ? "http://127.0.0.1:9090" : "no 'auth:' is configured"));
    }

    [Test]
    public async Task A_port_that_is_taken_is_told_in_a_sentence(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await HeimdallProcess.RunAsync("Heimdall.Api", cancellationToken, "--config", _heimdall.ConfigFile);

        Assert.That(exitCode, Is.EqualTo(1), output);
        Assert.That(output, Does.EndWith("Stop what listens there, or change server.listen.\n"));
    }

    [Test]
    public async Task A_configured_header_names_the_user(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config =>
            config with { Auth = "header: X-Forwarded-User, trusted_proxies: [127.0.0.0/8]" }, worker: false);

        var named = await heimdall.PostJobAsync(CallerTests.Job, cancellationToken, ("X-Forwarded-User", "carol"));
        var unnamed = await heimdall.PostJobAsync(CallerTests.Job, cancellationToken, ("X-Heimdall-User", "carol"));
        var dashboard = await heimdall.GetAsync("/hangfire", cancellationToken);
        var withKey = await heimdall.PostJobAsync(CallerTests.Job, cancellationToken, ("Authorization", "Bearer hk_1"));

        Assert.That(named.AssertStatus(200)["user"], Is.EqualTo("carol"));
        unnamed.AssertProblem(401, "X-Forwarded-User");
        withKey.AssertProblem(401, "takes no API keys", "X-Forwarded-User");
        dashboard.AssertProblem(401, "X-Forwarded-User");
    }
}
