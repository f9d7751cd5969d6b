using System.Globalization;
using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What load balancers, probes and proxies send, and RFC 9110 lets them expect.</summary>
[CancelAfter(60_000)]
public sealed class HttpSemanticsTests
{
    private HeimdallInstance _heimdall = null!;
    private Guid _job;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with { Server = "max_body_bytes: 100000" }, worker: false);
        _job = await _heimdall.EnqueueAsync("select 1", CancellationToken.None); // nobody runs it
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("/api/v1/jobs", 200)]
    [TestCase("/api/v1/job/{id}", 200)]
    [TestCase("/api/v1/job/{id}/events", 200)]
    [TestCase("/api/v1/job/{id}/stdout?follow=true", 200)]
    [TestCase("/api/v1/job/{id}/result", 404)]
    [TestCase("/api/v1/clusters", 200)]
    [TestCase("/openapi/v1.json", 200)]
    [TestCase("/hangfire", 200)]
    [TestCase("/healthz", 200)]
    [TestCase("/readyz", 200)]
    [TestCase("/api/v1/nothing", 404)]
    [TestCase("/api/v1/resolve", 405)]
    public async Task HEAD_is_GET_without_its_body(string path, int status, CancellationToken cancellationToken)
    {
        var reply = await AskAsync(
            "HEAD", path.Replace("{id}", $"{_job}", StringComparison.Ordinal), cancellationToken);

        Assert.That(reply.Status, Is.EqualTo(status), reply.Text);
        Assert.That(reply.Text, Does.EndWith("\r\n\r\n"), "there is no body");
        Assert.That(reply.Text, Does.Contain("Content-Type: "));
    }

    [TestCase("/api/v1/job", "POST, OPTIONS")]
    [TestCase("/api/v1/jobs", "GET, POST, HEAD, OPTIONS")]
    [TestCase("/healthz", "GET, HEAD, OPTIONS")]
    public async Task OPTIONS_says_what_an_address_takes(string path, string allow, CancellationToken cancellationToken)
    {
        var options = await AskAsync("OPTIONS", path, cancellationToken);
        var refused = await AskAsync("DELETE", path, cancellationToken);

        Assert.That(options.Status, Is.EqualTo(204), options.Text);
        Assert.That(refused.Status, Is.EqualTo(405), refused.Text);
        Assert.That(new[] { options.Text, refused.Text }, Is.All.Contains($"\r\nAllow: {allow}\r\n"));
    }

    [Test]
    public async Task OPTIONS_of_the_server_is_answered(CancellationToken cancellationToken)
    {
        var reply = await AskAsync("OPTIONS", "*", cancellationToken);

        Assert.That(reply.Status, Is.EqualTo(204), reply.Text);
    }

    [Test]
    public async Task A_method_that_nobody_knows_is_not_implemented(CancellationToken cancellationToken)
    {
        var unknown = await AskAsync("BREW", "/api/v1/jobs", cancellationToken);
        var trace = await AskAsync("TRACE", "/api/v1/jobs", cancellationToken);

        Assert.That(unknown.Status, Is.EqualTo(501), unknown.Text);
        Assert.That(unknown.Text, Does.Contain("application/problem+json"));
        Assert.That(trace.Status, Is.EqualTo(405), trace.Text);
    }

    [TestCase("/readyz", 200)]
    [TestCase("/api/v1/jobs?limit=1", 200)]
    [TestCase("/api/v1/sql/a.sql", 404)]
    public async Task An_absolute_address_is_taken(string path, int status, CancellationToken cancellationToken)
    {
        var reply = await AskAsync("GET", $"{_heimdall.Address.AbsoluteUri.TrimEnd('/')}{path}", cancellationToken);

        Assert.That(reply.Status, Is.EqualTo(status), reply.Text);
    }

    [Test]
    public async Task A_body_is_asked_for_where_it_is_expected(CancellationToken cancellationToken)
    {
        const string Body = """
            {"name": "expected", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "select 1"}}
            """;
        using var client = await RawRequest.BeginAsync(
            _heimdall.Address, Post(Encoding.UTF8.GetByteCount(Body)), cancellationToken);
        using var reader = new StreamReader(client.GetStream());
        var interim = await reader.ReadLineAsync(cancellationToken);
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(Body), cancellationToken);
        var rest = await reader.ReadToEndAsync(cancellationToken);

        Assert.That(interim, Is.EqualTo("HTTP/1.1 100 Continue"));
        Assert.That(rest, Does.Contain("HTTP/1.1 202 Accepted"));
    }

    [Test]
    public async Task A_body_that_is_too_large_is_refused_before_it_is_sent(CancellationToken cancellationToken)
    {
        using var client = await RawRequest.BeginAsync(_heimdall.Address, Post(100_001), cancellationToken);
        using var reader = new StreamReader(client.GetStream());

        Assert.That(await reader.ReadLineAsync(cancellationToken), Does.StartWith("HTTP/1.1 413 "));
    }

    private string Post(int length) =>
        $"POST /api/v1/job HTTP/1.1\r\nHost: {_heimdall.Address.Authority}\r\nConnection: close\r\n"
        + "Expect: 100-continue\r\nContent-Type: application/json\r\n"
        + $"Content-Length: {length.ToString(CultureInfo.InvariantCulture)}\r\n\r\n";

    private Task<(int Status, string Text)> AskAsync(
        string method, string target, CancellationToken cancellationToken) =>
        RawRequest.SendAsync(_heimdall.Address, method, target, "", cancellationToken);
}
