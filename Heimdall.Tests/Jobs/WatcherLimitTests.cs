using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>How many jobs one caller may follow.</summary>
[CancelAfter(60_000)]
public sealed class WatcherLimitTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(
        config => config with { Server = "max_watchers_per_caller: 2" }, worker: false);

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task One_callers_watchers_lock_nobody_else_out(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken); // nobody runs it
        using var events = await FollowAsync($"job/{id}/events", "alice", cancellationToken);
        var log = await FollowAsync($"job/{id}/stdout?follow=true", "alice", cancellationToken);

        foreach (var path in new[] { "events", "stdout?follow=true", "stderr?follow=true" })
        {
            using var more = await FollowAsync($"job/{id}/{path}", "alice", cancellationToken);
            var refused = await Reply.ReadAsync(more, cancellationToken);

            refused.AssertProblem(429, "User 'alice' follows 2 jobs", "server.max_watchers_per_caller",
                $"GET /api/v1/job/{id}");
            Assert.That(refused.Header("Retry-After"), Is.EqualTo("10"));
            Assert.That(
                refused.Header("RateLimit-Policy"), Is.EqualTo("\"watched-jobs\";q=2;qu=\"concurrent-requests\""));
        }
        using var other = await FollowAsync($"job/{id}/events", "bob", cancellationToken);
        Assert.That((int)other.StatusCode, Is.EqualTo(200));

        log.Dispose();
        await Eventually.Becomes(
            async () =>
            {
                using var again = await FollowAsync($"job/{id}/events", "alice", cancellationToken);
                return (int)again.StatusCode;
            },
            () => Is.EqualTo(200),
            cancellationToken);
    }

    private async Task<HttpResponseMessage> FollowAsync(string path, string user, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/{path}");
        request.Headers.Add("X-Heimdall-User", user);
        return await _heimdall.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }
}
