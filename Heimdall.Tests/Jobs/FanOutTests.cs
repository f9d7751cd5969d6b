using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>One job for all clusters that match.</summary>
[CancelAfter(120_000)]
public sealed class FanOutTests
{
    private Fleet _fleet = null!;

    private HeimdallInstance Heimdall => _fleet.Heimdall;

    [OneTimeSetUp]
    public async Task Start()
    {
        _fleet = await Fleet.StartAsync();
        await Heimdall.StartWorkerAsync();
        await Heimdall.StartWorkerAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _fleet.DisposeAsync();

    [Test]
    public async Task Each_cluster_has_a_child_and_the_parent_ends_as_they_do(CancellationToken cancellationToken)
    {
        var (parent, children) = await _fleet.SubmitAsync(
            "create table each (i int); insert into each values (1), (2)", new { tags = new[] { "round:1" } },
            cancellationToken);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Is.EqualTo(new[]
        {
            "db1 SUCCEEDED", "db2 SUCCEEDED", "db3 SUCCEEDED", "db4 SUCCEEDED", "db5 SUCCEEDED",
        }));
        Assert.That(await _fleet.CountAsync("select count(*) from each", cancellationToken), Is.All.EqualTo(2));
        var job = await Heimdall.JobAsync(parent, cancellationToken);
        Assert.That(
            (job["status"], job["target"], job["is_sync"], job["cluster_id"], job["statements"], job["rows_affected"]),
            Is.EqualTo(("SUCCEEDED", "all", "False", (string?)null, "10", "10")), job.Text);
        Assert.That(
            job.Json.GetProperty("children").GetRawText(),
            Is.EqualTo("""{"total":5,"ended":5,"succeeded":5,"failed":0,"canceled":0,"killed":0}"""));
        var child = await Heimdall.JobAsync(children[2], cancellationToken);
        Assert.That(
            (child["parent_id"], child["cluster_id"], child["attempt"], child.Json.GetProperty("tags").GetRawText()),
            Is.EqualTo((parent.ToString(), "db3", "1", """["round:1"]""")), child.Text);
        var attempts = await Heimdall.GetAsync($"/api/v1/job/{parent}/attempts", cancellationToken);
        Assert.That(attempts.Text, Is.EqualTo("[]"));
    }

    [Test]
    public async Task Other_jobs_have_none_of_it(CancellationToken cancellationToken)
    {
        var id = await Heimdall.EnqueueAsync("select 1", cancellationToken, cluster: "_id:db1");

        var job = await Heimdall.WaitForEndAsync(id, cancellationToken);

        Assert.That(
            (job["target"], job["children"], job["parent_id"], job["cluster_id"]),
            Is.EqualTo(((string?)null, (string?)null, (string?)null, "db1")), job.Text);
    }

    [Test]
    public async Task At_most_max_parallel_children_are_at_work_however_many_workers_there_are(
        CancellationToken cancellationToken)
    {
        await _fleet.ExecuteAsync("create table if not exists gate (name text primary key)", cancellationToken);
        await _fleet.ExecuteAsync("insert into gate values ('parallel')", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            HeimdallInstance.WaitAt("parallel"), new { max_parallel = 2 }, cancellationToken);
        await Heimdall.WaitForStatusAsync(children[1], "RUNNING", cancellationToken);

        var waiting = await Heimdall.JobAsync(children[2], cancellationToken);
        Assert.That(
            (waiting["status"], waiting["waiting_for"]),
            Is.EqualTo(("ACCEPTED", $"its turn among the children of job {parent}")));
        var running = await Heimdall.JobAsync(parent, cancellationToken);
        Assert.That((running["status"], running["max_parallel"]), Is.EqualTo(("RUNNING", "2")), running.Text);
        await _fleet.ExecuteAsync("delete from gate", cancellationToken);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" SUCCEEDED"));
        var atOnce = await Heimdall.Store.ScalarAsync<long>(
            """
            select max(others) from (
                select (select count(*) from heimdall.job other where other.parent_id = job.parent_id
                    and other.started_at <= job.started_at and other.finished_at > job.started_at) as others
                from heimdall.job where parent_id = $1) counted
            """,
            cancellationToken, parent);
        Assert.That(atOnce, Is.LessThanOrEqualTo(2));
    }

    [Test]
    public async Task The_others_wait_for_the_canary(CancellationToken cancellationToken)
    {
        await _fleet.ExecuteAsync("create table if not exists gate (name text primary key)", cancellationToken);
        await _fleet.Databases[0].ExecuteAsync("insert into gate values ('canary')", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            HeimdallInstance.WaitAt("canary"), new { canary = 1 }, cancellationToken);
        await Heimdall.WaitForStatusAsync(children[0], "RUNNING", cancellationToken);
        Assert.That(
            (await _fleet.ChildrenAsync(parent, cancellationToken)).Select(child => child.Status),
            Is.EqualTo(new[] { "RUNNING", "ACCEPTED", "ACCEPTED", "ACCEPTED", "ACCEPTED" }));

        await _fleet.Databases[0].ExecuteAsync("delete from gate where name = 'canary'", cancellationToken);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" SUCCEEDED"));
        Assert.That(
            await Heimdall.Store.ScalarAsync<bool>(
                """
                select bool_and(started_at >= (select finished_at from heimdall.job where id = $2))
                from heimdall.job where parent_id = $1 and id <> $2
                """,
                cancellationToken, parent, children[0]),
            Is.True);
    }

    [Test]
    public async Task A_canary_that_fails_keeps_the_others_from_running(CancellationToken cancellationToken)
    {
        await _fleet.Databases[1].ExecuteAsync("create table no_canary (i int)", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            "create table no_canary (i int)", new { canary = 2 }, cancellationToken);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Is.EqualTo(new[]
        {
            "db1 SUCCEEDED", "db2 FAILED", "db3 CANCELED", "db4 CANCELED", "db5 CANCELED",
        }));
        var job = await Heimdall.JobAsync(parent, cancellationToken);
        Assert.That(
            (job["status"], job["sqlstate"], job["canary"]), Is.EqualTo(("FAILED", "42P07", "2")), job.Text);
        Assert.That(job["error"], Does.StartWith("4 of 5 children did not succeed. db2: FAILED, [42P07] relation "));
        var error = job.Json.GetProperty("errors")[0];
        Assert.That(
            (error.GetProperty("cluster").GetString(), error.GetProperty("sqlstate").GetString()),
            Is.EqualTo(("db2", "42P07")));
        var canceled = await Heimdall.JobAsync(children[4], cancellationToken);
        Assert.That(
            canceled["error"],
            Is.EqualTo($"It never ran: its canary, job {children[1]} on cluster 'db2', ended FAILED."));
        await Eventually.Becomes(
            () => Heimdall.QueueStateAsync(children[4], cancellationToken), () => Does.StartWith("Deleted"),
            cancellationToken);
    }

    [Test]
    public async Task No_child_begins_after_stop_after_failures(CancellationToken cancellationToken)
    {
        var (parent, children) = await _fleet.SubmitAsync(
            "select 1/0", new { max_parallel = 1, stop_after_failures = 2 }, cancellationToken);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Is.EqualTo(new[]
        {
            "db1 FAILED", "db2 FAILED", "db3 CANCELED", "db4 CANCELED", "db5 CANCELED",
        }));
        Assert.That(
            (await Heimdall.JobAsync(children[2], cancellationToken))["error"],
            Is.EqualTo($"It never ran: of the children of job {parent}, 2 have failed (stop_after_failures: 2)."));
    }

    [Test]
    public async Task A_cancel_stops_what_runs_and_what_waits(CancellationToken cancellationToken)
    {
        var (parent, children) = await _fleet.SubmitAsync(
            "select pg_sleep(600)", new { max_parallel = 2 }, cancellationToken);
        await Heimdall.WaitForStatusAsync(children[1], "RUNNING", cancellationToken);
        await Heimdall.WaitForStatusAsync(children[0], "RUNNING", cancellationToken);

        var reply = (await Heimdall.CancelAsync(parent, cancellationToken)).AssertStatus(202);

        Assert.That(reply["status"], Is.EqualTo("CANCELING"));
        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" CANCELED"));
        var job = await Heimdall.JobAsync(parent, cancellationToken);
        Assert.That((job["status"], job["error"]), Is.EqualTo(("CANCELED", (string?)null)), job.Text);
        Assert.That(job["canceled_by"], Is.Not.Null);
        (await Heimdall.CancelAsync(parent, cancellationToken)).AssertProblem(409);
    }

    [Test]
    public async Task A_child_that_is_cancelled_alone_leaves_the_others(CancellationToken cancellationToken)
    {
        var (parent, children) = await _fleet.SubmitAsync(
            "select pg_sleep(0.05)", new { max_parallel = 1, start_after = DateTime.UtcNow.AddHours(1) },
            cancellationToken);
        (await Heimdall.CancelAsync(children[4], cancellationToken)).AssertStatus(200);
        await Heimdall.Store.ExecuteAsync(
            """
            update heimdall.job
            set start_after = now(), retry_at = case when retry_at < 'infinity' then now() else retry_at end
            where parent_id = $1
            """,
            cancellationToken, parent);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Is.EqualTo(new[]
        {
            "db1 SUCCEEDED", "db2 SUCCEEDED", "db3 SUCCEEDED", "db4 SUCCEEDED", "db5 CANCELED",
        }));
        Assert.That((await Heimdall.JobAsync(parent, cancellationToken))["status"], Is.EqualTo("CANCELED"));
    }

    [Test]
    public async Task What_is_not_started_in_time_is_killed_and_so_is_the_parent(CancellationToken cancellationToken)
    {
        await Heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/cluster/db1/pause", cancellationToken,
            JsonContent.Create(new { reason = "test" }));
        try
        {
            var (parent, _) = await _fleet.SubmitAsync(
                "select 1", new { canary = 1, start_before = DateTime.UtcNow.AddSeconds(3) }, cancellationToken);

            Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" KILLED"));
            var job = await Heimdall.JobAsync(parent, cancellationToken);
            Assert.That(job["status"], Is.EqualTo("KILLED"), job.Text);
            Assert.That(job["error"], Does.Contain("Not started by "));
        }
        finally
        {
            await Heimdall.SendAsync(HttpMethod.Post, "/api/v1/cluster/db1/resume", cancellationToken);
        }
    }

    [Test]
    public async Task A_parent_comes_after_other_jobs_and_others_after_it(CancellationToken cancellationToken)
    {
        await _fleet.ExecuteAsync("create table if not exists gate (name text primary key)", cancellationToken);
        await _fleet.Databases[0].ExecuteAsync("insert into gate values ('chain')", cancellationToken);
        var first = Fleet.ToJob(
            HeimdallInstance.WaitAt("chain"), new { target = "any", cluster_criteria = new[] { "_id:db1" } });
        var all = Fleet.ToJob("select 1", new { max_parallel = 2, after = new[] { 0 } });
        var last = Fleet.ToJob("select 1", new { target = "any", after = new[] { 1 } });
        var reply = await Heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(new JsonArray(first, all, last)));
        Guid[] ids = [.. reply.AssertStatus(202).Json.EnumerateArray().Select(job => job.GetProperty("id").GetGuid())];
        Assert.That(ids, Has.Length.EqualTo(3), "a fan-out is answered as one job");
        await Heimdall.WaitForStatusAsync(ids[0], "RUNNING", cancellationToken);
        Assert.That(
            (await _fleet.ChildrenAsync(ids[1], cancellationToken)).Select(child => child.Status),
            Is.All.EqualTo("ACCEPTED"));

        await _fleet.Databases[0].ExecuteAsync("delete from gate where name = 'chain'", cancellationToken);

        Assert.That((await Heimdall.WaitForEndAsync(ids[2], cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        Assert.That(await _fleet.EndsAsync(ids[1], cancellationToken), Has.All.EndsWith(" SUCCEEDED"));
        Assert.That(
            await Heimdall.Store.ScalarAsync<bool>(
                """
                select (select min(started_at) from heimdall.job where parent_id = $2) >= before.finished_at
                    and after.started_at >= (select max(finished_at) from heimdall.job where parent_id = $2)
                from heimdall.job before, heimdall.job after where before.id = $1 and after.id = $3
                """,
                cancellationToken, ids[0], ids[1], ids[2]),
            Is.True);
        Assert.That(
            await Heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job_predecessor where predecessor_id = any($1)", cancellationToken, ids),
            Is.Zero);
    }

    [Test]
    public async Task A_predecessor_that_fails_cancels_all_children(CancellationToken cancellationToken)
    {
        var before = await Heimdall.EnqueueAsync("select 1/0", cancellationToken, cluster: "_id:db1");

        var (parent, _) = await _fleet.SubmitAsync(
            "select 1", new { max_parallel = 1, after = new[] { before } }, cancellationToken);

        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Has.All.EndsWith(" CANCELED"));
        var job = await Heimdall.JobAsync(parent, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("CANCELED"), job.Text);
        Assert.That(job["error"], Does.Contain($"it was to start after job {before} has succeeded"));
    }

    [Test]
    public async Task Sent_again_with_its_key_it_is_the_same_parent(CancellationToken cancellationToken)
    {
        (string, string)[] key = [("Idempotency-Key", "fleet-1")];
        var first = (await _fleet.PostAsync("select 1", new { }, cancellationToken, null, key)).AssertStatus(202);
        var again = (await _fleet.PostAsync("select 1", new { }, cancellationToken, null, key)).AssertStatus(202);

        Assert.That((again.Id, again.Header("Idempotency-Replayed")), Is.EqualTo((first.Id, "true")));
        Assert.That(await _fleet.ChildrenAsync(first.Id, cancellationToken), Has.Length.EqualTo(5));
        await Heimdall.WaitForEndAsync(first.Id, cancellationToken);
    }

    [Test]
    public async Task A_retry_runs_anew_those_that_did_not_succeed(CancellationToken cancellationToken)
    {
        await _fleet.Databases[2].ExecuteAsync("create table again (i int)", cancellationToken);
        var (parent, children) = await _fleet.SubmitAsync(
            "create table again (i int)", new { max_parallel = 1, stop_after_failures = 1 }, cancellationToken);
        Assert.That(await _fleet.EndsAsync(parent, cancellationToken), Is.EqualTo(new[]
        {
            "db1 SUCCEEDED", "db2 SUCCEEDED", "db3 FAILED", "db4 CANCELED", "db5 CANCELED",
        }));
        await _fleet.Databases[2].ExecuteAsync("drop table again", cancellationToken);

        var retry = (await Heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{parent}/retry", cancellationToken))
            .AssertStatus(202);

        Assert.That(await _fleet.EndsAsync(retry.Id, cancellationToken), Is.EqualTo(new[]
        {
            "db3 SUCCEEDED", "db4 SUCCEEDED", "db5 SUCCEEDED",
        }));
        Assert.That(
            (retry["retry_of"], retry["max_parallel"], retry["stop_after_failures"]),
            Is.EqualTo((parent.ToString(), "1", "1")));
        var first = (await _fleet.ChildrenAsync(retry.Id, cancellationToken))[0];
        Assert.That(
            (await Heimdall.JobAsync(first.Id, cancellationToken))["retry_of"], Is.EqualTo(children[2].ToString()));
        (await Heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{retry.Id}/retry", cancellationToken))
            .AssertProblem(409, "All children");
        (await Heimdall.SendAsync(
            HttpMethod.Post, $"/api/v1/job/{parent}/retry", cancellationToken,
            JsonContent.Create(new { from_statement = 2 }))).AssertProblem(409, "is a parent");
    }

    [Test]
    public async Task A_schedule_that_an_older_version_has_changed_is_for_one_cluster(
        CancellationToken cancellationToken)
    {
        var definition = Fleet.ToJob("select 1", new { cron = "30 2 * * *", max_parallel = 1 });
        var put = (await Heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/schedule/older", cancellationToken, JsonContent.Create(definition)))
            .AssertStatus(201);
        Assert.That((put["target"], put["max_parallel"]), Is.EqualTo(("all", "1")));

        // It writes the expression as it was given, and does not know of the other column.
        await Heimdall.Store.ExecuteAsync(
            "update heimdall.schedule set cron = '45 3 * * *', revision = revision + 1 where id = 'older'",
            cancellationToken);

        var got = (await Heimdall.GetAsync("/api/v1/schedule/older", cancellationToken)).AssertStatus(200);
        Assert.That(
            (got["target"], got["max_parallel"], got["cron"]),
            Is.EqualTo(((string?)null, (string?)null, "45 3 * * *")), got.Text);
    }

    [Test]
    public async Task A_parent_on_the_next_page_stands_for_its_children_when_many_jobs_are_run_again(
        CancellationToken cancellationToken)
    {
        var (parent, children) = await _fleet.SubmitAsync(
            "select 1/0", new { tags = new[] { "bulk:1" } }, cancellationToken);
        await _fleet.EndsAsync(parent, cancellationToken);
        await Heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.job
            select (jsonb_populate_record(
                job, jsonb_build_object('id', gen_random_uuid(), 'parent_id', null, 'queue_id', null,
                    'created_at', now()))).*
            from heimdall.job, generate_series(1, 195) where id = $1
            """,
            cancellationToken, children[0]);

        var page = (await Heimdall.GetAsync("/hangfire/sql/bulk/retry?tag=bulk:1", cancellationToken))
            .AssertStatus(200).Text;

        Assert.That(page, Does.Contain($"name=\"id\" value=\"{parent}\""));
        Assert.That(children.Where(child => page.Contains($"value=\"{child}\"", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task Events_tell_how_many_children_have_ended(CancellationToken cancellationToken)
    {
        var (parent, _) = await _fleet.SubmitAsync("select pg_sleep(0.1)", new { max_parallel = 1 }, cancellationToken);

        var events = (await Heimdall.GetAsync($"/api/v1/job/{parent}/events", cancellationToken)).Text;

        Assert.That(events, Does.Contain("\"children\":{\"total\":5,\"ended\":5,\"succeeded\":5,"));
        Assert.That(events, Does.Contain("\"status\":\"SUCCEEDED\"").And.Contain("event: end"));
    }

    [Test]
    public async Task A_dry_run_names_the_targets_and_records_nothing(CancellationToken cancellationToken)
    {
        var reply = (await _fleet.PostAsync(
            "select 1; select 2", new { name = "dry", dry_run = true, canary = 1 }, cancellationToken))
            .AssertStatus(200);

        Assert.That(reply["command_id"], Is.EqualTo("postgres-0.0.1"));
        var targets = reply.Json.GetProperty("targets").EnumerateArray().Select(target =>
            $"{target.GetProperty("cluster_id")} {target.GetProperty("is_canary")} {target.GetProperty("waits")}");
        Assert.That(targets, Is.EqualTo(new[]
        {
            "db1 True False", "db2 False True", "db3 False True", "db4 False True", "db5 False True",
        }));
        var leftOut = reply.Json.GetProperty("left_out").EnumerateArray().Single();
        Assert.That(
            (leftOut.GetProperty("cluster_id").GetString(), leftOut.GetProperty("reason").GetString()),
            Is.EqualTo(("db6", "Is inactive.")));
        Assert.That(
            reply.Json.GetProperty("preview").GetProperty("statements").GetArrayLength(), Is.EqualTo(2), reply.Text);
        var recorded = await Heimdall.GetAsync("/api/v1/jobs?name=dry", cancellationToken);
        Assert.That(recorded.Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    [TestCase("""{"max_parallel": 2}""", "max_parallel", "Goes only with")]
    [TestCase("""{"target": "some"}""", "target", "\"any\" or \"all\"")]
    [TestCase("""{"target": "all", "canary": 0}""", "canary", "1 or more")]
    [TestCase("""{"target": "all", "stop_after_failures": "2"}""", "stop_after_failures", "whole number")]
    [TestCase(
        """{"target": "all", "context": {"query": "select 1", "return_result": true}}""", "target",
        "Goes only with a job that waits")]
    public async Task Says_what_is_wrong(string fields, string field, string why, CancellationToken cancellationToken)
    {
        var job = Fleet.ToJob("select 1", new { });
        job.Remove("target");
        foreach (var (name, value) in JsonNode.Parse(fields)!.AsObject())
        {
            job[name] = value?.DeepClone();
        }

        var reply = (await Heimdall.PostJobAsync(job.ToJsonString(), cancellationToken)).AssertProblem(400);

        Assert.That(reply.Json.GetProperty("errors").GetProperty(field)[0].GetString(), Does.Contain(why));
    }

    [Test]
    public async Task The_copies_of_a_context_are_bounded(CancellationToken cancellationToken)
    {
        const int MostBytes = 64 * 1024 * 1024;
        var large = $"select 1 --{new string('x', MostBytes / 5)}";
        var part = Fleet.ToJob($"select 1 --{new string('x', MostBytes / 25)}", new { });
        JsonNode[] parts = [.. Enumerable.Range(0, 5).Select(_ => part.DeepClone())];

        var one = await _fleet.PostAsync(large, new { name = "large" }, cancellationToken);
        var many = await Heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/jobs", cancellationToken,
            JsonContent.Create(new JsonArray(parts)));

        one.AssertProblem(400);
        Assert.That(
            one.Json.GetProperty("errors").GetProperty("context")[0].GetString(),
            Does.StartWith("5 clusters match, and each would have a copy: 64 MiB").And.Contain("script file"));
        many.AssertProblem(400);
        Assert.That(many.Json.GetProperty("errors").GetProperty("body")[0].GetString(), Does.Contain("64 MiB"));
        (await _fleet.PostAsync(large, new { name = "large", dry_run = true }, cancellationToken)).AssertProblem(400);
        var recorded = await Heimdall.GetAsync("/api/v1/jobs?name=large", cancellationToken);
        Assert.That(recorded.Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task An_array_is_counted_with_its_children(CancellationToken cancellationToken)
    {
        JsonNode[] each =
            [.. Enumerable.Range(0, 167).Select(_ => Fleet.ToJob("select 1", new { name = "array" }))];
        var jobs = new JsonArray(each);

        var reply = (await Heimdall.SendAsync(
            HttpMethod.Post, "/api/v1/jobs", cancellationToken, JsonContent.Create(jobs))).AssertProblem(400);

        Assert.That(reply.Json.GetProperty("errors").GetProperty("body")[0].GetString(), Does.Contain("1,000"));
        var recorded = await Heimdall.GetAsync("/api/v1/jobs?name=array", cancellationToken);
        Assert.That(recorded.Json.GetProperty("data").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_job_for_all_clusters_has_one_command(CancellationToken cancellationToken)
    {
        (await _fleet.PostAsync("select 1", new { cluster_criteria = new[] { "nowhere" } }, cancellationToken))
            .AssertProblem(422, "No cluster carries all of");
        (await _fleet.PostAsync("select 1", new { cluster_criteria = new[] { "_id:db6" } }, cancellationToken))
            .AssertProblem(422, "inactive");
        (await _fleet.PostAsync("select 1", new { command_criteria = new[] { "twin" } }, cancellationToken))
            .AssertProblem(422, "has one command, and these match: [twin-a, twin-b]");
    }
}
