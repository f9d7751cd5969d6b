using System.Net.Http.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

[CancelAfter(120_000)]
public sealed class TakeOverTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task An_idempotent_job_is_not_run_again_once_it_is_cancelled(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config.WithCommand("again", "type:again", ", idempotent: true"), worker: false);
        await heimdall.Target.ExecuteAsync(
            """
            create table effect (i int);
            create procedure write() language plpgsql as
            $$ begin insert into effect values (1); commit; perform pg_sleep(600); end $$
            """,
            cancellationToken);
        await using var first = heimdall.StartWorkerProcess();
        // A procedure commits by itself, and nobody knows afterwards how far it came.
        var id = (await heimdall.SubmitAsync(
            "call write()",
            returnResult: true, cancellationToken, command: "type:again", prefer: "respond-async")).AssertStatus(202).Id;
        await Eventually.Is(
            () => heimdall.Target.ScalarAsync<bool>("select exists (select from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep')", cancellationToken, $"heimdall {id} 1"),
            cancellationToken);

        await first.KillAsync(cancellationToken);
        (await heimdall.CancelAsync(id, cancellationToken)).AssertStatus(202);
        await using var second = await heimdall.StartWorkerAsync();
        var job = await heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.Contain("it is not known"), job.Text);
        Assert.That((await heimdall.GetAsync($"/api/v1/job/{id}/attempts", cancellationToken)).Text, Does.Contain("It ran nothing"));
        Assert.That(await heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }

    [Test]
    public async Task A_dead_workers_job_does_not_wait_for_all_that_came_later(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s, concurrency: 1" }, worker: false);
        await GatedBatch.PrepareAsync(heimdall);
        await using var first = heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(heimdall, "first", cancellationToken);
        var later = Enumerable.Range(0, 300).Select(number => new
        {
            name = $"later-{number}",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = "select pg_sleep(0.2)" },
        });
        (await heimdall.SendAsync(HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(later))).AssertStatus(202);

        await first.KillAsync(cancellationToken);
        await using var second = await heimdall.StartWorkerAsync();
        await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);

        Assert.That(await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where status = 'ACCEPTED'", cancellationToken), Is.Positive);
    }
}
