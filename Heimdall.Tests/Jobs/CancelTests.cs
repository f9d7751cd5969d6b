using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

[CancelAfter(60_000)]
public sealed class CancelTests
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_running_batch_is_stopped_and_leaves_nothing_behind(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("create table left_over (id int); select pg_sleep(600)", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        var reply = await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{id}/cancel", cancellationToken, headers: ("X-Heimdall-User", "bob"));

        Assert.That(((int)reply.Status, reply["status"]), Is.EqualTo((202, "CANCELING")).Or.EqualTo((200, "CANCELED")), "it may be over already");
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("CANCELED"), job.Text);
        Assert.That(job["canceled_by"], Is.EqualTo("bob"));
        Assert.That(await _heimdall.HasBackendAsync(id, cancellationToken), Is.False);
        Assert.That(await _heimdall.Target.ScalarAsync<bool>("select to_regclass('left_over') is null", cancellationToken));
        var state = await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Deleted"), cancellationToken);
        Assert.That(state, Does.Contain("bob"));
    }

    [Test]
    public async Task A_batch_that_swallows_the_cancel_is_stopped_all_the_same(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync(
            "do $$ begin loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop; end $$", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        await _heimdall.CancelAsync(id, cancellationToken);

        await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
        Assert.That(await _heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }

    [Test]
    public async Task A_cancel_may_be_repeated(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select pg_sleep(60)", cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        var first = await _heimdall.CancelAsync(id, cancellationToken);
        var second = await _heimdall.CancelAsync(id, cancellationToken);

        Assert.That((int)first.Status, Is.EqualTo(202).Or.EqualTo(200), first.Text);
        Assert.That((int)second.Status, Is.EqualTo(202).Or.EqualTo(409), second.Text);
        await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
    }

    [Test]
    public async Task An_inline_query_is_stopped_from_another_connection(CancellationToken cancellationToken)
    {
        var query = _heimdall.SubmitAsync("select pg_sleep(60)", returnResult: true, cancellationToken, name: "inline-cancel");
        var id = await _heimdall.FindJobAsync("inline-cancel", "RUNNING", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        var cancel = await _heimdall.CancelAsync(id, cancellationToken);

        Assert.That((int)cancel.Status, Is.EqualTo(202).Or.EqualTo(200), cancel.Text);
        (await query).AssertProblem(409, "anonymous");
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("CANCELED"));
        Assert.That(await _heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }

    [TestCase("select pg_sleep(60)", TestName = "A_query_is_stopped_when_its_caller_goes_away_before_the_first_row")]
    [TestCase("select repeat('x', 1000) from generate_series(1, 100000000)", TestName = "A_query_is_stopped_when_its_caller_goes_away_in_the_middle")]
    public async Task A_query_is_stopped_when_its_caller_goes_away(string query, CancellationToken cancellationToken)
    {
        var name = $"gone-{query.Length}";
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reply = _heimdall.SubmitAsync(query, returnResult: true, caller.Token, name: name);
        var id = await _heimdall.FindJobAsync(name, "RUNNING", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        await caller.CancelAsync();

        await Assert.ThatAsync(() => reply, Throws.InstanceOf<OperationCanceledException>());
        await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);
        Assert.That(await _heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }
}
