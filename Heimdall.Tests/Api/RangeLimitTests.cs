using System.Net.Http.Headers;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What writes a stored result to find out something of it is limited for each caller.</summary>
[CancelAfter(120_000)]
public sealed class RangeLimitTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with { Server = "max_inline_per_caller: 1" });

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task One_range_more_than_a_caller_may_have_is_refused_until_one_is_over(
        CancellationToken cancellationToken)
    {
        var job = await _heimdall.SubmitAsync(
            "select repeat('x', 1000) as wide from generate_series(1, 60000)", returnResult: true, cancellationToken,
            prefer: "respond-async, wait=60");
        var path = $"/api/v1/job/{job.AssertStatus(200).Id}/result";
        var csv = $"{path}?format=csv";

        // Nobody reads the body: it does not fit into the buffers between, and so the request goes on.
        var first = await AskAsync(csv, cancellationToken);
        Assert.That((int)first.StatusCode, Is.EqualTo(206));
        using var refused = await AskAsync(csv, cancellationToken);
        var list = await _heimdall.GetAsync($"{path}/chunks?format=csv", cancellationToken);
        var page = await _heimdall.GetAsync($"{csv}&offset=0&limit=1", cancellationToken);

        Assert.That((int)refused.StatusCode, Is.EqualTo(429));
        Assert.That(refused.Headers.RetryAfter?.Delta, Is.EqualTo(TimeSpan.FromSeconds(1)));
        list.AssertProblem(429, "ranges or lists of chunks");
        Assert.That(
            (list.Header("RateLimit-Policy"), list.Header("RateLimit")),
            Is.EqualTo(("\"parts-of-results\";q=1;qu=\"concurrent-requests\"", "\"parts-of-results\";r=0")));
        page.AssertStatus(200);
        first.Dispose();
        await Eventually.Is(
            async () =>
            {
                using var next = await AskAsync(csv, cancellationToken);
                return (int)next.StatusCode == 206;
            },
            cancellationToken);
    }

    private async Task<HttpResponseMessage> AskAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Range = new RangeHeaderValue(0, 50_000_000);
        return await _heimdall.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }
}
