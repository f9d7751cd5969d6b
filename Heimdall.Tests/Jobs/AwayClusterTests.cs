using System.Net.Http.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>A runner dies while its cluster is away too: nobody can tell what became of its job, and others must not wait for that.</summary>
[CancelAfter(180_000)]
public sealed class AwayClusterTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task A_worker_does_other_jobs_until_the_cluster_can_be_asked(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => (config with { Worker = "lease: 2s, concurrency: 1" }).WithCluster("behind", "type:postgres, data:local, behind:proxy", proxy.Through(config.Target)), worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        await heimdall.CloseGateAsync("away", cancellationToken);
        await using var first = heimdall.StartWorkerProcess();
        var id = await heimdall.EnqueueAsync(
            $"insert into effect values ('away', 1); {HeimdallInstance.WaitAt("away")}; insert into effect values ('away', 2)", cancellationToken, cluster: "_id:behind");
        await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["statements"] == "1", cancellationToken);

        await first.KillAsync(cancellationToken);
        await proxy.CutAsync();
        await using var second = await heimdall.StartWorkerAsync();
        await Eventually.Is(
            async () => (await heimdall.GetAsync($"/api/v1/job/{id}/attempts", cancellationToken)).Text.Contains("HANDED_BACK", StringComparison.Ordinal), cancellationToken, TimeSpan.FromMinutes(1));
        var between = await heimdall.JobAsync(id, cancellationToken);
        var other = await heimdall.WaitForEndAsync(await heimdall.EnqueueAsync("select 1", cancellationToken), cancellationToken, TimeSpan.FromMinutes(1));
        await heimdall.OpenGateAsync("away", cancellationToken);
        proxy.Mend();
        var job = await heimdall.WaitForEndAsync(id, cancellationToken, TimeSpan.FromMinutes(1));

        Assert.That(between["status"], Is.EqualTo("RUNNING"), "a cancel must not end it as one that never ran");
        Assert.That(other["status"], Is.EqualTo("SUCCEEDED"), other.Text);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(heimdall, "away", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        await Eventually.Becomes(() => heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task Nothing_is_claimed_while_the_way_to_a_cluster_that_was_put_cannot_be_read(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        (await heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/cluster/postgres", cancellationToken,
            JsonContent.Create(new
            {
                version = "2",
                tags = new[] { "type:postgres", "data:local" },
                context = new { connection_string = heimdall.Target.ConnectionString },
            }))).AssertStatus(200);
        await using var first = heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(heimdall, "sealed", cancellationToken);
        await first.KillAsync(cancellationToken);
        var way = await heimdall.Store.ScalarAsync<string>(
            "select context from heimdall.cluster where id = 'postgres'", cancellationToken);
        await heimdall.Store.ExecuteAsync(
            "update heimdall.cluster set context = 'bm90aGluZw==' where id = 'postgres'", cancellationToken);

        await using var second = await heimdall.StartWorkerAsync();
        await Eventually.Is(
            async () => (await heimdall.GetAsync($"/api/v1/job/{id}/attempts", cancellationToken)).Text
                .Contains("could not be asked", StringComparison.Ordinal), cancellationToken);
        var between = await heimdall.JobAsync(id, cancellationToken);
        await heimdall.Store.ExecuteAsync(
            "update heimdall.cluster set context = $1 where id = 'postgres'", cancellationToken, way);
        await heimdall.Store.ExecuteAsync("select pg_notify('heimdall_catalog', '')", cancellationToken);
        await heimdall.OpenGateAsync("sealed", cancellationToken);

        Assert.That(between["status"], Is.EqualTo("RUNNING"), between.Text);
        var job = await heimdall.WaitForEndAsync(id, cancellationToken, TimeSpan.FromMinutes(1));
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(
            await GatedBatch.StepsAsync(heimdall, "sealed", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
    }

    [Test]
    public async Task A_dead_inline_query_does_not_wait_for_one_whose_cluster_is_away(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        await using var heimdall = await HeimdallInstance.CreateAsync(
            config => config.WithCluster("behind", "type:postgres, data:local, behind:proxy", proxy.Through(config.Target)));
        await heimdall.StartApiProcessAsync();
        await heimdall.StartWorkerAsync();
        var away = await AbandonAsync(heimdall, "away", "_id:behind", cancellationToken);
        await proxy.CutAsync();
        await Eventually.Is(() => heimdall.Store.ScalarAsync<bool>("select attempt = 2 from heimdall.job where id = $1", cancellationToken, away), cancellationToken);

        await heimdall.StartApiProcessAsync();
        var there = await AbandonAsync(heimdall, "there", "_id:postgres", cancellationToken);
        await Eventually.Is(() => heimdall.Store.ScalarAsync<bool>("select status = 'FAILED' from heimdall.job where id = $1", cancellationToken, there), cancellationToken);

        Assert.That(await heimdall.Store.ScalarAsync<string>("select status from heimdall.job where id = $1", cancellationToken, away), Is.EqualTo("RUNNING"));
        proxy.Mend();
        await Eventually.Is(() => heimdall.Store.ScalarAsync<bool>("select status = 'FAILED' from heimdall.job where id = $1", cancellationToken, away), cancellationToken);
    }

    /// <summary>Kills the API in the middle of a query.</summary>
    private static async Task<Guid> AbandonAsync(HeimdallInstance heimdall, string name, string cluster, CancellationToken cancellationToken)
    {
        var query = heimdall.SubmitAsync("select pg_sleep(600)", returnResult: true, cancellationToken, name, cluster: cluster);
        var id = await heimdall.FindJobAsync(name, "RUNNING", cancellationToken);
        await Eventually.Is(() => heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
        await heimdall.Api!.KillAsync(cancellationToken);
        Assert.That(async () => await query, Throws.InstanceOf<HttpRequestException>());
        return id;
    }
}
