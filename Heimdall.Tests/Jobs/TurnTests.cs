using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Whose turn it is, as callers and operators see it.</summary>
[CancelAfter(120_000)]
public sealed class TurnTests
{
    private const string Worker = "lease: 2s, concurrency: 4";

    /// <summary>Fails where two other transactions hold one each.</summary>
    private const string TakeOneOfTwo =
        "do $$ begin if not (pg_try_advisory_xact_lock(1) or pg_try_advisory_xact_lock(2)) then raise 'more than two at once'; end if; end $$";

    [Test]
    public async Task A_job_waits_for_a_worker_that_has_its_cluster(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = Worker });
        await heimdall.WaitForStatusAsync(await heimdall.EnqueueAsync("select 1", cancellationToken), "SUCCEEDED", cancellationToken);
        heimdall.Configure(config => (config with { Worker = Worker }).WithCluster("second", "type:postgres, data:local", config.Target));
        await heimdall.RestartApiAsync(); // its file has one more cluster than that of the worker

        var stranded = await heimdall.EnqueueAsync("select 1", cancellationToken, cluster: "_id:second");
        var known = await heimdall.EnqueueAsync("select 1", cancellationToken);

        await heimdall.WaitForStatusAsync(known, "SUCCEEDED", cancellationToken);
        var job = await heimdall.JobAsync(stranded, cancellationToken);
        Assert.That((job["status"], job["waiting_for"]), Is.EqualTo(("ACCEPTED", "a worker that has cluster 'second'")));
        Assert.That((await heimdall.GetAsync($"/hangfire/sql/jobs/{stranded}", cancellationToken)).Text,
            Does.Contain("It waits for a worker that has cluster"));

        await using var able = await heimdall.StartWorkerAsync();
        Assert.That((await heimdall.WaitForStatusAsync(stranded, "SUCCEEDED", cancellationToken)).Text, Does.Not.Contain("waiting_for"));
    }

    [Test]
    public async Task A_worker_is_bound_to_clusters_by_tags(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => config.WithCluster("theirs", "type:postgres, data:local, team:theirs", config.Target) with
            {
                Worker = $"{Worker}, cluster_tags: ['team:theirs']",
            });

        var ours = await heimdall.EnqueueAsync("select 1", cancellationToken);
        var theirs = await heimdall.EnqueueAsync("select 1", cancellationToken, cluster: "_id:theirs");

        await heimdall.WaitForStatusAsync(theirs, "SUCCEEDED", cancellationToken);
        var waiting = await heimdall.JobAsync(ours, cancellationToken);
        Assert.That((waiting["status"], waiting["waiting_for"]), Is.EqualTo(("ACCEPTED", "a worker that has cluster 'postgres'")));
    }

    [Test]
    public async Task A_limit_of_a_cluster_holds_over_all_workers_and_keeps_no_slot(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => (config with { Clusters = "", Worker = Worker })
                .WithCluster("postgres", "type:postgres, data:local", config.Target, ", max_concurrency: 2")
                .WithCluster("free", "type:postgres, data:local", config.Target));
        await using var second = await heimdall.StartWorkerAsync();
        await heimdall.CloseGateAsync("gate", cancellationToken);
        var ids = new List<Guid>();
        for (var i = 0; i < 12; i++)
        {
            ids.Add(await heimdall.EnqueueAsync($"{TakeOneOfTwo}; {HeimdallInstance.WaitAt("gate")}", cancellationToken));
        }

        // While more wait for the cluster than there are slots, jobs of another cluster come through.
        var free = await heimdall.EnqueueAsync("select 1", cancellationToken, cluster: "_id:free");
        await heimdall.WaitForStatusAsync(free, "SUCCEEDED", cancellationToken);
        await Eventually.Is(async () => await CountRunningAsync(heimdall, cancellationToken) == 2, cancellationToken);
        var waiting = await heimdall.JobAsync(ids[^1], cancellationToken);
        Assert.That((waiting["status"], waiting["waiting_for"]), Is.EqualTo(("ACCEPTED", "max_concurrency of cluster 'postgres', 2")));

        await heimdall.OpenGateAsync("gate", cancellationToken);
        foreach (var id in ids)
        {
            await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        }
    }

    [Test]
    public async Task A_single_job_comes_before_the_rest_of_another_caller(CancellationToken cancellationToken)
    {
        const int Many = 1000;
        const int Slots = 4;
        await using var heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = $"lease: 2s, concurrency: {Slots}" });
        await heimdall.Target.ExecuteAsync("create table started (place serial, name text)", cancellationToken);
        await heimdall.CloseGateAsync("many", cancellationToken);
        var many = Enumerable.Range(0, Many).Select(number => new
        {
            name = $"many-{number}",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = $"insert into started (name) values ('many'); {HeimdallInstance.WaitAt("many")}" },
        });
        (await heimdall.SendAsync(HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(many))).AssertStatus(202);
        await Eventually.Is(async () => await CountRunningAsync(heimdall, cancellationToken) == Slots, cancellationToken);

        var single = (await heimdall.SubmitAsync("insert into started (name) values ('single')", returnResult: false, cancellationToken, user: "other"))
            .AssertStatus(202).Id;
        await heimdall.OpenGateAsync("many", cancellationToken);
        await heimdall.WaitForStatusAsync(single, "SUCCEEDED", cancellationToken);

        Assert.That(
            await heimdall.Target.ScalarAsync<long>(
                "select count(*) from started where place < (select place from started where name = 'single')", cancellationToken),
            Is.LessThan(3 * Slots), "jobs that were started before it: three times as many as there are slots take three job times");
    }

    [Test]
    public async Task A_cluster_that_does_not_answer_delays_no_other(CancellationToken cancellationToken)
    {
        using var hole = new TcpListener(IPAddress.Loopback, port: 0);
        hole.Start(backlog: 1024); // it takes connections, and never says a word
        await using var heimdall = await HeimdallInstance.StartAsync(config => (config with { Worker = $"{Worker}, drain_timeout: 1s" })
            .WithCluster("hole", "type:postgres, data:local", $"postgresql://nobody@127.0.0.1:{((IPEndPoint)hole.LocalEndpoint).Port}/none", ", max_concurrency: 2"));
        var lost = Enumerable.Range(0, 500).Select(number => new
        {
            name = $"lost-{number}",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:hole" },
            context = new { query = "select 1" },
        });
        (await heimdall.SendAsync(HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(lost))).AssertStatus(202);
        await Eventually.Is(async () => await CountRunningAsync(heimdall, cancellationToken) == 2, cancellationToken);

        for (var number = 0; number < 5; number++)
        {
            var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
            await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
            Assert.That(await CountRunningAsync(heimdall, cancellationToken), Is.LessThanOrEqualTo(2));
        }
    }

    [Test]
    public async Task A_pause_holds_jobs_back_and_refuses_none(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync();
        foreach (var (path, name) in new[] { ("cluster/postgres", "cluster 'postgres'"), ("command/postgres-0.0.1", "command 'postgres-0.0.1'"), ("queue", "the queue") })
        {
            var paused = await PostAsync($"/api/v1/{path}/pause", new { reason = "disk is full", until = "2999-01-01T00:00:00Z" });
            Assert.That((paused.AssertStatus(200)["reason"], paused["paused_by"]), Is.EqualTo(("disk is full", "anonymous")), paused.Text);
            Assert.That((await heimdall.GetAsync($"/api/v1/{path}", cancellationToken)).Text, Does.Contain("disk is full"));

            var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
            await Eventually.Becomes(
                async () => (await heimdall.JobAsync(id, cancellationToken))["waiting_for"],
                () => Is.EqualTo($"a pause of {name} by anonymous until 2999-01-01T00:00:00.000Z: disk is full"), cancellationToken);
            Assert.That((await heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("ACCEPTED"));

            (await PostAsync($"/api/v1/{path}/resume", null)).AssertStatus(200);
            await heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        }

        (await PostAsync("/api/v1/cluster/none/pause", null)).AssertProblem(404, "none");
        (await PostAsync("/api/v1/queue/pause", new { until = "2000-01-01T00:00:00Z" })).AssertProblem(400, "future");
        (await PostAsync("/api/v1/queue/pause", new { why = "x" })).AssertProblem(400, "why");

        Task<Reply> PostAsync(string path, object? body) =>
            heimdall.SendAsync(HttpMethod.Post, path, cancellationToken, body is null ? null : JsonContent.Create(body));
    }

    [Test]
    public async Task Priority_and_time_are_asked_for_with_the_job(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(
            config => (config with { Worker = "lease: 2s, concurrency: 1" }).WithCommand("modest", "type:modest", ", max_priority: 10"), worker: false);
        var time = DateTime.UtcNow.AddSeconds(4);
        var later = await PostAsync("later", new { start_after = time });
        var low = await PostAsync("low", new { priority = -5 });
        var high = await PostAsync("high", new { priority = 50 });
        Assert.That((high.AssertStatus(202)["priority"], later.AssertStatus(202)["start_after"]), Is.EqualTo(("50", later["start_after"])));
        (await PostAsync("too-high", new { priority = 11, command_criteria = new[] { "type:modest" } })).AssertProblem(400, "At most 10", "priority");
        (await PostAsync("no-priority", new { priority = 101 })).AssertProblem(400, "-100 to 100");
        (await PostAsync("never", new { start_after = "2999-01-02T00:00:00Z", start_before = "2999-01-01T00:00:00Z" })).AssertProblem(400, "start_after");
        Assert.That((await heimdall.JobAsync(later.Id, cancellationToken))["waiting_for"], Does.StartWith("start_after, "));

        await using var worker = await heimdall.StartWorkerAsync();
        foreach (var job in new[] { later, low, high })
        {
            await heimdall.WaitForStatusAsync(job.Id, "SUCCEEDED", cancellationToken);
        }

        Assert.That(
            await heimdall.Store.ColumnAsync<string>(
                "select name from heimdall.job where start_after is null order by started_at", cancellationToken),
            Is.EqualTo(new[] { "high", "low" }));
        Assert.That(await heimdall.Store.ScalarAsync<bool>("select started_at >= start_after from heimdall.job where name = 'later'", cancellationToken));

        Task<Reply> PostAsync(string name, object more)
        {
            var body = new Dictionary<string, object>
            {
                ["name"] = name,
                ["command_criteria"] = new[] { "type:postgres" },
                ["cluster_criteria"] = new[] { "_id:postgres" },
                ["context"] = new { query = "select 1" },
            };
            foreach (var property in more.GetType().GetProperties())
            {
                body[property.Name] = property.GetValue(more)!;
            }
            return heimdall.SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, JsonContent.Create(body));
        }
    }

    private static Task<long> CountRunningAsync(HeimdallInstance heimdall, CancellationToken cancellationToken) =>
        heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where status = 'RUNNING'", cancellationToken);
}
