using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Processes that are told twice to stop, or one after the other. The drain time is longer than any test.</summary>
[CancelAfter(120_000)]
public sealed class DrainTests() : RealProcessTests(processes: 3)
{
    private const int StoppedAtOnce = 3;

    [Test]
    public async Task A_worker_that_is_told_twice_hands_its_jobs_back_at_once(CancellationToken cancellationToken)
    {
        await using var heimdall = await StartAsync();
        await GatedBatch.PrepareAsync(heimdall);
        await using var first = heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(heimdall, "urgent", cancellationToken);

        var exitCode = await StopTwiceAsync(first, cancellationToken);
        var between = await heimdall.JobAsync(id, cancellationToken);
        var left = await heimdall.HasBackendAsync(id, cancellationToken);
        await using var second = await heimdall.StartWorkerAsync();
        await heimdall.OpenGateAsync("urgent", cancellationToken);
        var job = await heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(exitCode, Is.EqualTo(StoppedAtOnce), first.ReadLog());
        Assert.That(between["status"], Is.EqualTo("ACCEPTED"), between.Text);
        Assert.That(left, Is.False);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(heimdall, "urgent", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        await Eventually.Becomes(() => heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task A_worker_that_is_told_twice_says_what_cannot_be_handed_back(CancellationToken cancellationToken)
    {
        await using var heimdall = await StartAsync();
        await GatedBatch.PrepareAsync(heimdall);
        await using var worker = heimdall.StartWorkerProcess();
        await heimdall.CloseGateAsync("none", cancellationToken);
        var id = (await heimdall.SubmitAsync(
            $"insert into effect values ('none', 1); {HeimdallInstance.WaitAt("none")}; insert into effect values ('none', 2)",
            returnResult: false, cancellationToken, more: new { transaction = "none" })).AssertStatus(202).Id;
        await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["statements"] == "1", cancellationToken);

        var exitCode = await StopTwiceAsync(worker, cancellationToken);

        var job = await heimdall.JobAsync(id, cancellationToken);
        Assert.That(exitCode, Is.EqualTo(StoppedAtOnce), worker.ReadLog());
        Assert.That((job["status"], job["statements"]), Is.EqualTo(("FAILED", "1")), job.Text);
        Assert.That(await GatedBatch.StepsAsync(heimdall, "none", cancellationToken), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task An_api_that_is_told_twice_cancels_its_queries_at_once(CancellationToken cancellationToken)
    {
        await using var heimdall = await StartProcessAsync();
        var query = heimdall.SubmitAsync("select pg_sleep(600)", returnResult: true, cancellationToken, name: "urgent-query");
        var id = await heimdall.FindJobAsync("urgent-query", "RUNNING", cancellationToken);
        await Eventually.Is(() => heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        var exitCode = await StopTwiceAsync(heimdall.Api!, cancellationToken);

        Assert.That(exitCode, Is.EqualTo(StoppedAtOnce), heimdall.Api!.ReadLog());
        var problem = (await query).AssertProblem(503, "was stopped");
        Assert.That(problem["retryable"], Is.EqualTo("True"), problem.Text);
        Assert.That(await heimdall.HasBackendAsync(id, cancellationToken), Is.False);
        Assert.That(await heimdall.Store.ScalarAsync<string>("select status from heimdall.job where id = $1", cancellationToken, id), Is.EqualTo("FAILED"));
    }

    [Test]
    public async Task A_worker_serves_its_metrics_while_it_drains_and_ends_without_its_collector(
        CancellationToken cancellationToken)
    {
        var (metrics, nobody) = (FreePort.Find(), FreePort.Find());
        await using var heimdall = await HeimdallInstance.StartAsync(Configure, worker: false);
        heimdall.Configure(config => Configure(config) with
        {
            Metrics = $"worker_listen: 'http://127.0.0.1:{metrics}'",
            Otlp = $"endpoint: 'http://127.0.0.1:{nobody}', metrics_interval: 1s",
        });
        await GatedBatch.PrepareAsync(heimdall);
        await using var worker = heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(heimdall, "seen", cancellationToken);
        await LogsAsync("do not reach the collector at otlp.endpoint");

        await worker.TerminateAsync(cancellationToken);
        await LogsAsync("shutting down");
        using var client = new HttpClient();
        var scrape = await client.GetStringAsync(new Uri($"http://127.0.0.1:{metrics}/metrics"), cancellationToken);
        await heimdall.OpenGateAsync("seen", cancellationToken);
        var exitCode = await worker.WaitForExitAsync(cancellationToken);

        Assert.That(scrape, Does.Match(@"(?m)^heimdall_job_running(\{[^}]*\})? 1\b"));
        Assert.That(exitCode, Is.Zero, worker.ReadLog());
        Assert.That((await heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));

        Task LogsAsync(string text) => Eventually.Is(
            () => Task.FromResult(worker.ReadLog().Contains(text, StringComparison.Ordinal)), cancellationToken);
    }

    [Test]
    public async Task A_caller_who_waits_is_answered_when_the_api_stops(CancellationToken cancellationToken)
    {
        await using var heimdall = await StartProcessAsync();
        var waiting = heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, name: "waited-for", prefer: "wait=60");
        await heimdall.FindJobAsync("waited-for", "ACCEPTED", cancellationToken);

        await heimdall.Api!.TerminateAsync(cancellationToken);
        var exitCode = await heimdall.Api.WaitForExitAsync(cancellationToken);

        var reply = (await waiting).AssertStatus(202);
        Assert.That(reply["status"], Is.EqualTo("ACCEPTED"));
        Assert.That(exitCode, Is.Zero);
    }

    [Test]
    public async Task A_rolling_restart_under_load_fails_no_job_and_runs_none_twice(CancellationToken cancellationToken)
    {
        const int Restarts = 6;
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config with { Worker = "lease: 2s, concurrency: 4, drain_timeout: 1s" }, worker: false);
        await heimdall.Target.ExecuteAsync("create table effect (name text)", cancellationToken);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var workers = new Queue<HeimdallProcess>([heimdall.StartWorkerProcess(), heimdall.StartWorkerProcess()]);

        var submitting = SubmitUntilAsync(heimdall, enough.Token, cancellationToken);
        for (var i = 0; i < Restarts; i++)
        {
            var old = workers.Dequeue();
            await Eventually.Is(() => Task.FromResult(old.ReadLog().Contains(" started, attempt ", StringComparison.Ordinal)), cancellationToken);
            workers.Enqueue(heimdall.StartWorkerProcess());
            await old.TerminateAsync(cancellationToken);
            Assert.That(await old.WaitForExitAsync(cancellationToken), Is.Zero, old.ReadLog());
        }
        await enough.CancelAsync();
        var ids = await submitting;

        foreach (var id in ids)
        {
            var job = await heimdall.WaitForEndAsync(id, cancellationToken);
            Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        }
        Assert.That(
            await heimdall.Target.ColumnAsync<string>("select name from effect", cancellationToken),
            Is.EquivalentTo(ids.Select((_, number) => $"job-{number}")), "each took effect, once");
    }

    /// <summary>
    /// Most jobs are short; one in ten is longer than the drain time. There are always some more than the workers have
    /// slots, and never many: else what is left at the end takes the longer, the slower the restarts were.
    /// </summary>
    private static async Task<List<Guid>> SubmitUntilAsync(HeimdallInstance heimdall, CancellationToken enough, CancellationToken cancellationToken)
    {
        const int Most = 16;
        var ids = new List<Guid>();
        while (!enough.IsCancellationRequested)
        {
            if (await CountOpenAsync(heimdall, cancellationToken) >= Most)
            {
                await Task.Delay(50, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }
            var seconds = ids.Count % 10 == 9 ? 2.5 : 0.1;
            ids.Add(await heimdall.EnqueueAsync(
                FormattableString.Invariant($"insert into effect values ('job-{ids.Count}'); select pg_sleep({seconds})"), cancellationToken, $"job-{ids.Count}"));
        }
        return ids;
    }

    private static Task<long> CountOpenAsync(HeimdallInstance heimdall, CancellationToken cancellationToken) =>
        heimdall.Store.ScalarAsync<long>(
            "select count(*) from heimdall.job where finished_at is null", cancellationToken);

    private static Task<HeimdallInstance> StartAsync() => HeimdallInstance.StartAsync(Configure, worker: false);

    private static Task<HeimdallInstance> StartProcessAsync() => HeimdallInstance.StartProcessesAsync(Configure, worker: false);

    private static InstanceConfig Configure(InstanceConfig config) => config with { Worker = "lease: 2s, drain_timeout: 10m" };

    private static async Task<int> StopTwiceAsync(HeimdallProcess process, CancellationToken cancellationToken)
    {
        await process.TerminateAsync(cancellationToken);
        await Eventually.Is(() => Task.FromResult(process.ReadLog().Contains("shutting down", StringComparison.Ordinal)), cancellationToken);
        await process.TerminateAsync(cancellationToken);
        return await process.WaitForExitAsync(cancellationToken);
    }
}
