using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs for all clusters that somebody has to approve: once, for the parent and its children.</summary>
[CancelAfter(120_000)]
public sealed class FanOutApprovalTests
{
    private const string Waiting = "WAITING_FOR_APPROVAL";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => Approvals.Configure(config)
            .WithCluster("second", "type:postgres, data:local, team:a", config.Target)
            .WithCluster("third", "type:postgres, data:local", config.Target));
        Approvals.AskAsAdmin(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task The_parent_is_approved_with_all_its_children(CancellationToken cancellationToken)
    {
        var (parent, children) = await SubmitAsync(new { canary = 1 }, cancellationToken);
        var shown = await _heimdall.JobAsync(parent, cancellationToken);

        (await _heimdall.ApproveAsync("olga", children[0], cancellationToken))
            .AssertProblem(409, $"a part of job {parent}");
        (await _heimdall.ApproveAsync("scoped", parent, cancellationToken)).AssertProblem(404);
        (await _heimdall.ApproveAsync("olga", parent, cancellationToken)).AssertStatus(200);

        var ended = await _heimdall.WaitForEndAsync(parent, cancellationToken);
        Assert.That(shown["status"], Is.EqualTo(Waiting));
        Assert.That(shown["started_at"], Is.Null);
        Assert.That(shown["waiting_for"], Does.Contain("an approval"));
        Assert.That(ended["status"], Is.EqualTo("SUCCEEDED"), ended.Text);
        Assert.That(ended["started_at"], Is.Not.Null);
        Assert.That(await StatusesAsync(children, cancellationToken), Is.All.EqualTo("SUCCEEDED"));
    }

    [TestCase("refuse")]
    [TestCase("cancel")]
    [TestCase("expire")]
    public async Task A_parent_that_is_not_approved_ends_with_all_its_children(
        string how, CancellationToken cancellationToken)
    {
        var (parent, children) = await SubmitAsync(new { max_parallel = 1 }, cancellationToken);
        var replied = how switch
        {
            "refuse" => await _heimdall.RefuseAsync("olga", parent, cancellationToken),
            "cancel" => await _heimdall.PostAsync("alice", $"/api/v1/job/{parent}/cancel", cancellationToken),
            _ => null,
        };
        replied?.AssertStatus(200);
        if (replied is null)
        {
            await _heimdall.Store.ExecuteAsync(
                "update heimdall.job set approve_by = now() where id = $1 or parent_id = $1", cancellationToken,
                parent);
        }

        var ended = await _heimdall.WaitForEndAsync(parent, cancellationToken);

        await Eventually.Becomes(
            () => StatusesAsync(children, cancellationToken), () => Is.All.EqualTo("CANCELED"), cancellationToken);
        Assert.That(ended["status"], Is.EqualTo("CANCELED"));
        var counts = ended.Json.GetProperty("children");
        Assert.That(
            (counts.GetProperty("total").GetInt32(), counts.GetProperty("canceled").GetInt32()), Is.EqualTo((3, 3)));
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.child_end where parent_id = $1", cancellationToken, parent),
            () => Is.Zero, cancellationToken);
        Assert.That((await _heimdall.JobAsync(parent, cancellationToken))["status"], Is.EqualTo("CANCELED"));
    }

    [Test]
    public async Task A_child_that_was_cancelled_before_does_not_hold_up_the_others(CancellationToken cancellationToken)
    {
        var (parent, children) = await SubmitAsync(new { max_parallel = 1 }, cancellationToken);
        (await _heimdall.PostAsync("alice", $"/api/v1/job/{children[0]}/cancel", cancellationToken)).AssertStatus(200);

        (await _heimdall.ApproveAsync("olga", parent, cancellationToken)).AssertStatus(200);

        var ended = await _heimdall.WaitForEndAsync(parent, cancellationToken);
        Assert.That(
            await StatusesAsync(children, cancellationToken),
            Is.EqualTo(new[] { "CANCELED", "SUCCEEDED", "SUCCEEDED" }), ended.Text);
    }

    [Test]
    public async Task When_all_children_are_cancelled_their_parent_ends(CancellationToken cancellationToken)
    {
        var (parent, children) = await SubmitAsync(new { }, cancellationToken);

        foreach (var child in children)
        {
            (await _heimdall.PostAsync("alice", $"/api/v1/job/{child}/cancel", cancellationToken)).AssertStatus(200);
        }

        await _heimdall.WaitForStatusAsync(parent, "CANCELED", cancellationToken);
    }

    private async Task<(Guid Parent, Guid[] Children)> SubmitAsync(object fanOut, CancellationToken cancellationToken)
    {
        var job = Approvals.Job("select 1", "all", more: fanOut);
        job["target"] = "all";
        job["cluster_criteria"] = new System.Text.Json.Nodes.JsonArray("data:local");
        var parent = await _heimdall.SubmitAsync(job, cancellationToken);
        var list = await _heimdall.GetAsync($"/api/v1/jobs?parent={parent}&direction=asc", cancellationToken);
        return (parent, [.. list.AssertStatus(200).Json.GetProperty("data").EnumerateArray()
            .Select(child => child.GetProperty("id").GetGuid())]);
    }

    private async Task<string[]> StatusesAsync(Guid[] jobs, CancellationToken cancellationToken)
    {
        var statuses = new List<string>();
        foreach (var job in jobs)
        {
            statuses.Add(await _heimdall.StatusOfAsync(job, cancellationToken));
        }
        return [.. statuses];
    }
}
