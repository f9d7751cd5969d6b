using System.Net.Sockets;
using Heimdall.Api.Callers;
using Heimdall.Api.Requests;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Headers of all replies, and what a connection may take.</summary>
[CancelAfter(60_000)]
public sealed class ConnectionRuleTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with { SqlUploads = "enabled: true" }, worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("/")]
    [TestCase("/healthz")]
    [TestCase("/api/v1/jobs")]
    [TestCase("/api/v1/clusters")]
    [TestCase("/api/v1/sql/there.sql")]
    [TestCase("/api/v1/nothing")]
    [TestCase("/api/v1/jobs?limit=none")]
    [TestCase("/openapi/v1.json")]
    [TestCase("/hangfire")]
    public async Task Nobody_keeps_a_reply_or_takes_it_for_another_type(string path,
        CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("there.sql", "<script>");

        var reply = await _heimdall.GetAsync(path, cancellationToken);

        Assert.That(reply.Header("Cache-Control"), Does.Contain("no-store"), reply.Text);
        Assert.That(reply.Header("X-Content-Type-Options"), Is.EqualTo("nosniff"));
    }

    [Test]
    public async Task A_reply_that_no_endpoint_gave_has_them_too(CancellationToken cancellationToken)
    {
        var proxied = await _heimdall.SendAsync(
            HttpMethod.Get, "/api/v1/jobs", cancellationToken, null, ("Via", "1.1 proxy"));

        proxied.AssertProblem(403, "without a proxy");
        Assert.That(proxied.Header("Cache-Control"), Is.EqualTo("no-store"));
        Assert.That(proxied.Header("X-Content-Type-Options"), Is.EqualTo("nosniff"));
    }

    [TestCase(101, 1, 431)]
    [TestCase(40, 900, 431)]
    [TestCase(20, 1000, 200)]
    public async Task Headers_are_bounded_in_number_and_size(
        int count, int length, int status, CancellationToken cancellationToken)
    {
        var headers = string.Concat(Enumerable.Range(0, count).Select(i => $"X-{i}: {new string('x', length)}\r\n"));

        Assert.That(await AskAsync("/healthz", headers, cancellationToken), Does.StartWith($"HTTP/1.1 {status} "));
    }

    [Test]
    public async Task The_address_of_a_request_is_bounded(CancellationToken cancellationToken)
    {
        var line = await AskAsync($"/healthz?{new string('x', 9000)}", "", cancellationToken);

        Assert.That(line, Does.StartWith("HTTP/1.1 414 "));
    }

    [Test]
    public async Task One_connection_more_than_there_may_be_is_closed(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Server = "max_connections: 4" }, worker: false);
        var clients = new List<TcpClient>();
        try
        {
            var reads = new List<Task<int>>();
            for (var i = 0; i < 5; i++)
            {
                clients.Add(await RawRequest.BeginAsync(heimdall.Address, "", cancellationToken));
                reads.Add(ReadAsync(clients[^1], cancellationToken));
            }

            var closed = await Task.WhenAny(reads);

            Assert.That(await closed, Is.Zero, "the server has sent nothing");
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [TestCase("http://0.0.0.0:9090", true)]
    [TestCase("http://[::]:9090", true)]
    [TestCase("http://heimdall.example:9090", true)]
    [TestCase("https://0.0.0.0:9443", false)]
    [TestCase("http://127.0.0.1:9090", false)]
    [TestCase("http://localhost:9090", false)]
    [TestCase("http://[::1]:9090", false)]
    public void A_listener_without_TLS_is_warned_about_where_others_reach_it(string listen, bool isWarned) =>
        Assert.That(PlainListener.FindProblem(listen) is not null, Is.EqualTo(isWarned));

    [Test]
    public async Task The_log_and_the_readiness_warn_of_a_plain_listener(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(
            config => config with { Auth = $"api_keys: [{{user: alice, hash: \"{ApiKeyRing.Create().Hash}\"}}]" });
        var yaml = await File.ReadAllTextAsync(heimdall.ConfigFile, cancellationToken);
        await File.WriteAllTextAsync(
            heimdall.ConfigFile,
            yaml.Replace("listen: \"http://127.0.0.1", "listen: \"http://0.0.0.0", StringComparison.Ordinal),
            cancellationToken);
        await heimdall.StartApiAsync();

        var ready = (await heimdall.GetAsync("/readyz", cancellationToken)).AssertStatus(200);

        Assert.That(ready.Text, Does.StartWith("ready\nserver.listen is http, and not only for this machine"));
        Assert.That(ready.Text, Does.Contain("Set server.tls"));
        Assert.That(heimdall.Logs, Has.Some.Contain("server.listen is http, and not only for this machine"));
    }

    private async Task<string> AskAsync(string target, string headers, CancellationToken cancellationToken)
    {
        using var client = await RawRequest.BeginAsync(
            _heimdall.Address,
            $"GET {target} HTTP/1.1\r\nHost: {_heimdall.Address.Authority}\r\nConnection: close\r\n{headers}\r\n",
            cancellationToken);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync(cancellationToken);
    }

    private static async Task<int> ReadAsync(TcpClient client, CancellationToken cancellationToken)
    {
        try
        {
            return await client.GetStream().ReadAsync(new byte[1], cancellationToken);
        }
        catch (IOException)
        {
            return 0; // closed with a reset
        }
    }
}
