using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>A client that asks for much, reads a little, and keeps its connection.</summary>
[CancelAfter(120_000)]
public sealed class StalledClientTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config with { Server = "stalled_client_timeout: 1s" });

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase("", "SELECT")]
    [TestCase("Accept-Encoding: gzip\r\n", "SELECT")]
    [TestCase("", "INSERT")]
    public async Task Its_query_is_cancelled_and_frees_the_session(string header, string statement, CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("drop table if exists stalled; create table stalled (x text)", cancellationToken);
        // More than all buffers on the way hold, compressed or not, and no more: before INSERT … RETURNING gives its first row, it has made all.
        const string Rows = "select (select string_agg(md5((i * 1000 + j)::text), '') from generate_series(1, 100) as j) as x from generate_series(1, 15000) as i";
        var name = $"stalled-{Guid.NewGuid():N}";
        var body = $$$"""
            {"name": "{{{name}}}", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "{{{(statement == "INSERT" ? $"insert into stalled {Rows} returning x" : Rows)}}}", "return_result": true}}
            """;
        using var client = await RawRequest.BeginAsync(
            _heimdall.Address,
            $"POST /api/v1/job HTTP/1.1\r\nHost: {_heimdall.Address.Authority}\r\nContent-Type: application/json\r\n{header}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}",
            cancellationToken);
        await client.GetStream().ReadExactlyAsync(new byte[100], cancellationToken);

        var id = await _heimdall.FindJobAsync(name, "CANCELED", cancellationToken);

        await Eventually.Is(async () => !await _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
        Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from stalled", cancellationToken), Is.Zero);
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["finished_at"], Is.Not.Null);
    }
}
