using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Workers that die in the middle of a fan-out.</summary>
[CancelAfter(180_000)]
public sealed class FanOutKillTests() : RealProcessTests(processes: 1)
{
    private Fleet _fleet = null!;

    [OneTimeSetUp]
    public async Task Start() => _fleet = await Fleet.StartAsync("lease: 2s, concurrency: 2");

    [OneTimeTearDown]
    public async Task Stop() => await _fleet.DisposeAsync();

    [Test]
    public async Task Each_child_takes_effect_once_however_often_its_worker_is_killed(
        CancellationToken cancellationToken)
    {
        await _fleet.ExecuteAsync("create table effect (i int)", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            "insert into effect values (1); select pg_sleep(0.5); insert into effect values (2)",
            new { max_parallel = 2, canary = 1 }, cancellationToken);

        // One child more has begun each time; at the last kill the first ones have ended.
        for (var kill = 0; kill < 4; kill++)
        {
            await using var worker = _fleet.Heimdall.StartWorkerProcess();
            var begun = children[kill];
            await Eventually.Is(
                () => _fleet.Heimdall.Store.ScalarAsync<bool>(
                    "select exists (select from heimdall.job where id = $1 and status = 'RUNNING' and attempt > 0) "
                        + "or (select finished_at is not null from heimdall.job where id = $1)",
                    cancellationToken, begun),
                cancellationToken);
            await worker.KillAsync(cancellationToken);
        }
        await using var last = _fleet.Heimdall.StartWorkerProcess();

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" SUCCEEDED"));
        Assert.That(await _fleet.CountAsync("select count(*) from effect", cancellationToken), Is.All.EqualTo(2));
        Assert.That(
            await _fleet.Heimdall.Store.ScalarAsync<bool>(
                "select bool_or(attempt > 1) from heimdall.job where parent_id = $1", cancellationToken, parent),
            Is.True, "kills that hit no child show nothing");
        Assert.That((await _fleet.Heimdall.JobAsync(parent, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task Without_any_worker_a_parent_that_is_cancelled_ends(CancellationToken cancellationToken)
    {
        var (parent, _) = await _fleet.SubmitAsync("select 1", new { max_parallel = 1 }, cancellationToken);

        (await _fleet.Heimdall.CancelAsync(parent, cancellationToken)).AssertStatus(202);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" CANCELED"));
    }
}
