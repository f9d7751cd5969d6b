using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Monitoring;

/// <summary>What becomes of a caller's trace where Heimdall itself traces nothing.</summary>
[CancelAfter(120_000)]
public sealed class TraceContextTests
{
    private const string Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Tracing = "statement_comments: true" });
        await _heimdall.Target.ExecuteAsync("create table seen (job text, query text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_callers_trace_goes_into_the_statement_and_comes_back_in_the_job(
        bool isInline, CancellationToken cancellationToken)
    {
        var sql = $"insert into seen values ('traced {isInline}', current_query()) returning 1";

        var reply = await SubmitAsync(_heimdall, sql, isInline, Traceparent, cancellationToken);

        var id = reply.AssertStatus(isInline ? 200 : 202).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That((job["status"], job["traceparent"]), Is.EqualTo(("SUCCEEDED", Traceparent)));
        Assert.That(reply["traceparent"], Is.EqualTo(Traceparent));
        Assert.That(
            await QueryOfAsync($"traced {isInline}", cancellationToken), Is.EqualTo($"{sql}\n/*traceparent='{Traceparent}'*/"));
    }

    [TestCase(null)]
    [TestCase("x'*/; drop table seen --")]
    [TestCase("00-00000000000000000000000000000000-0000000000000000-01")]
    public async Task An_invalid_traceparent_is_not_kept(string? traceparent, CancellationToken cancellationToken)
    {
        var name = $"untraced {traceparent?.Length}";
        var sql = $"insert into seen values ('{name}', current_query())";

        var reply = await SubmitAsync(_heimdall, sql, isInline: false, traceparent, cancellationToken);

        var job = await _heimdall.WaitForEndAsync(reply.AssertStatus(202).Id, cancellationToken);
        Assert.That(job["traceparent"], Is.Null);
        Assert.That(
            await QueryOfAsync(name, cancellationToken), Is.EqualTo(sql));
    }

    private Task<string> QueryOfAsync(string name, CancellationToken cancellationToken) =>
        _heimdall.Target.ScalarAsync<string>("select query from seen where job = $1", cancellationToken, name);

    internal static Task<Reply> SubmitAsync(
        HeimdallInstance heimdall, string sql, bool isInline, string? traceparent, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.Serialize(new
        {
            name = "traced",
            version = "0.0.1",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "data:local" },
            context = new { query = sql, return_result = isInline },
        });
        (string, string)[] headers = traceparent is null ? [] : [("traceparent", traceparent)];
        var content = new StringContent(body, Encoding.UTF8, "application/json");
        return heimdall.SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, content, headers);
    }
}
