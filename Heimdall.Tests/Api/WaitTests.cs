using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Waits that end before their time: the caller goes away, or the API stops.</summary>
[CancelAfter(120_000)]
public sealed class WaitTests
{
    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [TearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_caller_who_leaves_a_wait_has_the_job_cancelled_if_its_end_would_have(
        CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("leave", cancellationToken);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waiting = PostAsync("left", "leave", onWaitTimeout: "cancel", leave.Token);
        var job = await _heimdall.FindJobAsync("left", "RUNNING", cancellationToken);

        await leave.CancelAsync();

        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        Assert.That((await _heimdall.WaitForEndAsync(job, cancellationToken))["status"], Is.EqualTo("CANCELED"));
    }

    [Test]
    public async Task A_caller_who_leaves_any_other_wait_leaves_the_job_alone(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("stay", cancellationToken);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waiting = PostAsync("stayed", "stay", onWaitTimeout: "continue", leave.Token);
        var job = await _heimdall.FindJobAsync("stayed", "RUNNING", cancellationToken);

        await leave.CancelAsync();
        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
        await _heimdall.OpenGateAsync("stay", cancellationToken);

        Assert.That((await _heimdall.WaitForEndAsync(job, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task An_API_that_stops_cuts_the_wait_short_and_cancels_nothing(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("stop", cancellationToken);
        var waiting = PostAsync("cut short", "stop", onWaitTimeout: "cancel", cancellationToken);
        var job = await _heimdall.FindJobAsync("cut short", "RUNNING", cancellationToken);

        await _heimdall.StopApiAsync();
        (await waiting).AssertStatus(202);
        await _heimdall.OpenGateAsync("stop", cancellationToken);
        await _heimdall.StartApiAsync();

        Assert.That((await _heimdall.WaitForEndAsync(job, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    private Task<Reply> PostAsync(string name, string gate, string onWaitTimeout, CancellationToken cancellationToken) =>
        _heimdall.PostJobAsync(
            $$$"""
            {"name": "{{{name}}}", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "on_wait_timeout": "{{{onWaitTimeout}}}", "context": {"query": "{{{HeimdallInstance.WaitAt(gate)}}}"} }
            """,
            cancellationToken,
            ("Prefer", "wait=60"));
}
