using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Processes that die. Each test runs workers of its own.</summary>
[CancelAfter(60_000)]
public sealed class CrashTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Worker = "lease: 2s" }, worker: false);
        await GatedBatch.PrepareAsync(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_batch_whose_worker_is_killed_takes_effect_exactly_once(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "killed", cancellationToken);

        await first.KillAsync(cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("killed", cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "killed", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task A_statement_does_not_outlive_its_worker(CancellationToken cancellationToken)
    {
        await using var worker = _heimdall.StartWorkerProcess();
        var id = await _heimdall.EnqueueAsync("select pg_sleep(600)", cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        await worker.KillAsync(cancellationToken);

        await Eventually.Is(async () => !await _heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
        await _heimdall.CancelAsync(id, cancellationToken);
    }

    [TestCase(true, "did not take effect")]
    [TestCase(false, "it is not known")]
    public async Task An_inline_query_whose_api_is_killed_is_recorded_as_failed(bool readOnly, string why, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(config => config with { Worker = "lease: 2s" });
        await heimdall.StartApiProcessAsync();
        await heimdall.StartWorkerAsync();
        var name = $"orphan-{readOnly}";
        var query = heimdall.SubmitAsync("select pg_sleep(60)", returnResult: true, cancellationToken, name: name, more: new { read_only = readOnly });
        var id = await heimdall.FindJobAsync(name, "RUNNING", cancellationToken);
        await Eventually.Is(() => heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);

        await heimdall.Api!.KillAsync(cancellationToken);
        await Assert.ThatAsync(() => query, Throws.InstanceOf<HttpRequestException>());
        await heimdall.StartApiProcessAsync();

        var job = await heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.Contain(why));
        Assert.That(await heimdall.HasBackendAsync(id, cancellationToken), Is.False);
    }

    [Test]
    public async Task A_job_whose_entry_was_deleted_is_found(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "misplaced", cancellationToken);
        await first.KillAsync(cancellationToken);
        var queueId = long.Parse(await _heimdall.Store.ScalarAsync<string>("select queue_id from heimdall.job where id = $1", cancellationToken, id), provider: null);

        // What Hangfire does with a job that somebody deletes in the dashboard while its worker is dead.
        await _heimdall.Store.ExecuteAsync("update hangfire.job set statename = 'Deleted' where id = $1", cancellationToken, queueId);
        await _heimdall.CancelAsync(id, cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("CANCELED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "misplaced", cancellationToken), Is.Empty);
    }

    [Test]
    public async Task A_job_whose_entry_is_gone_gets_a_new_one(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "delete from hangfire.job where id = (select queue_id::bigint from heimdall.job where id = $1)", cancellationToken, id);

        await using var worker = await _heimdall.StartWorkerAsync();

        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task An_end_that_its_worker_could_not_show_is_shown(CancellationToken cancellationToken)
    {
        await using var worker = await _heimdall.StartWorkerAsync();
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken);
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);

        // As a worker leaves it that is killed after it has written the job's end and before it has told Hangfire.
        await _heimdall.Store.ExecuteAsync(
            """
            with left_open as (insert into hangfire.state (jobid, name, createdat)
                select queue_id::bigint, 'Processing', now() from heimdall.job where id = $1 returning id, jobid)
            update hangfire.job set statename = 'Processing', stateid = left_open.id from left_open where job.id = jobid
            """,
            cancellationToken, id);

        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
    }

    [Test]
    public async Task A_dead_attempt_waits_for_a_worker_that_has_its_command(CancellationToken cancellationToken)
    {
        await using var first = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "renamed", cancellationToken);
        await first.KillAsync(cancellationToken);

        _heimdall.Configure(config => config with
        {
            Worker = "lease: 2s",
            Commands = "- {name: another, plugin: postgres, version: 0.0.1, tags: [type:another], cluster_tags: [type:postgres, data:local]}\n",
        });
        await using (var second = await _heimdall.StartWorkerAsync())
        {
            // What was submitted later and can be run there has been run, and the job without its command has been let be.
            var other = await Eventually.Becomes(
                () => _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, command: "type:another"),
                () => Is.Not.Null.And.Matches<Reply>(reply => (int?)reply?.Status == 202), cancellationToken);
            await _heimdall.WaitForStatusAsync(other.Id, "SUCCEEDED", cancellationToken);
            await Eventually.Is(() => _heimdall.Store.ScalarAsync<bool>("select lease_until < now() - interval '2 s' from heimdall.job where id = $1", cancellationToken, id), cancellationToken);
            var job = await _heimdall.JobAsync(id, cancellationToken);
            Assert.That((job["status"], job["attempt"]), Is.EqualTo(("RUNNING", "1")), "nobody could ask the database, so nothing is claimed");
        }
        _heimdall.Configure(config => config with { Worker = "lease: 2s" });
        await using var third = await _heimdall.StartWorkerAsync();
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("renamed", cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "renamed", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
    }

    [Test]
    public async Task A_worker_that_was_frozen_has_no_say_when_it_wakes(CancellationToken cancellationToken)
    {
        await using var frozen = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "frozen", cancellationToken);

        await frozen.SignalAsync("STOP", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        await Eventually.Is(async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await frozen.SignalAsync("CONT", cancellationToken);
        await Eventually.Is(() => Task.FromResult(frozen.ReadLog().Contains($"Job {id} belongs to a newer attempt", StringComparison.Ordinal)), cancellationToken);
        await _heimdall.OpenGateAsync("frozen", cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await GatedBatch.StepsAsync(_heimdall, "frozen", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
        await Eventually.Becomes(() => _heimdall.QueueStateAsync(id, cancellationToken), () => Does.StartWith("Succeeded"), cancellationToken);
        var states = await _heimdall.Store.ColumnAsync<string>(
            "select distinct name from hangfire.state where jobid = (select queue_id::bigint from heimdall.job where id = $1)", cancellationToken, id);
        Assert.That(states, Has.None.EqualTo("Failed"));
    }

    [Test]
    public async Task A_worker_that_was_frozen_writes_nothing_into_the_log_when_it_wakes(
        CancellationToken cancellationToken)
    {
        await using var frozen = _heimdall.StartWorkerProcess();
        var id = await GatedBatch.StartAsync(_heimdall, "unlogged", cancellationToken);
        await frozen.SignalAsync("STOP", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        await Eventually.Is(
            async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("unlogged", cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
        var stdout = await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken);

        await frozen.SignalAsync("CONT", cancellationToken);
        var lost = $"Job {id} belongs to a newer attempt";
        await Eventually.Is(
            () => Task.FromResult(frozen.ReadLog().Contains(lost, StringComparison.Ordinal)), cancellationToken);

        Assert.That(
            (await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken)).Text, Is.EqualTo(stdout.Text));
        Assert.That(stdout.Text, Does.Contain("-- attempt 2"));
        Assert.That((await _heimdall.GetAsync($"/api/v1/job/{id}/stderr", cancellationToken)).Text, Is.Empty);
    }

    [Test]
    public async Task A_batch_whose_worker_dies_behind_its_commit_has_its_count_and_result(
        CancellationToken cancellationToken)
    {
        await CreateSlowCommitAsync(_heimdall, "after_commit", cancellationToken);
        await using var first = _heimdall.StartWorkerProcess();
        var id = (await _heimdall.SubmitAsync(
            "insert into after_commit values (1); select 1; insert into after_commit values (2)",
            returnResult: false, cancellationToken)).AssertStatus(202).Id;

        await KillBehindCommitAsync(first, "after_commit", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That((job["status"], job["attempt"], job["statements"]), Is.EqualTo(("SUCCEEDED", "2", "3")), job.Text);
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select i from after_commit order by i", cancellationToken),
            Is.EqualTo(new[] { 1, 2 }));
        var result = await _heimdall.GetAsync($"/api/v1/job/{id}/result", cancellationToken);
        Assert.That(result.AssertStatus(200).Text, Does.Contain("3 statements executed successfully"));
    }

    [Test]
    public async Task A_queued_query_whose_worker_dies_behind_its_commit_has_its_rows(
        CancellationToken cancellationToken)
    {
        await CreateSlowCommitAsync(_heimdall, "stored", cancellationToken);
        await using var first = _heimdall.StartWorkerProcess();
        var id = (await _heimdall.SubmitAsync(
            "insert into stored select generate_series(1, 5000) returning i",
            returnResult: true, cancellationToken, prefer: "respond-async")).AssertStatus(202).Id;

        await KillBehindCommitAsync(first, "stored", cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(
            (job["status"], job["attempt"], job["row_count"], job["truncated"]),
            Is.EqualTo(("SUCCEEDED", "2", "5000", "False")),
            job.Text);
        Assert.That(
            await _heimdall.Target.ScalarAsync<long>("select count(*) from stored", cancellationToken),
            Is.EqualTo(5000));
        var rows = await _heimdall.SendAsync(
            HttpMethod.Get,
            $"/api/v1/job/{id}/result",
            cancellationToken,
            content: null,
            ("Accept", "text/csv; header=absent"));
        Assert.That(
            rows.AssertStatus(200).Text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries),
            Is.EqualTo(Enumerable.Range(1, 5000).Select(i => $"{i}")));
    }

    [Test]
    public async Task A_queued_query_whose_worker_dies_in_it_runs_again_and_takes_effect_once(
        CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("inserted", cancellationToken);
        await _heimdall.Target.ExecuteAsync(
            """
            create table inserted (i int);
            create function pass_inserted() returns int language plpgsql as $$
            begin
              while exists (select from gate where name = 'inserted') loop perform pg_sleep(0.02); end loop;
              return 7;
            end $$
            """,
            cancellationToken);
        await using var first = _heimdall.StartWorkerProcess();
        var id = (await _heimdall.SubmitAsync(
            "insert into inserted select pass_inserted() returning i",
            returnResult: true, cancellationToken, prefer: "respond-async")).AssertStatus(202).Id;
        await Eventually.Is(
            () => _heimdall.Target.ScalarAsync<bool>(
                "select exists (select from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep')",
                cancellationToken,
                $"heimdall {id} 1"),
            cancellationToken);

        await first.KillAsync(cancellationToken);
        await using var second = await _heimdall.StartWorkerAsync();
        await Eventually.Is(
            async () => (await _heimdall.JobAsync(id, cancellationToken))["attempt"] == "2", cancellationToken);
        await _heimdall.OpenGateAsync("inserted", cancellationToken);

        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That((job["status"], job["row_count"]), Is.EqualTo(("SUCCEEDED", "1")), job.Text);
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select i from inserted", cancellationToken),
            Is.EqualTo(new[] { 7 }));
    }

    [Test]
    public async Task A_reply_says_what_the_record_says_after_its_api_was_frozen_in_the_commit(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(config => config with { Worker = "lease: 2s" });
        await heimdall.StartApiProcessAsync();
        await using var worker = await heimdall.StartWorkerAsync();
        await CreateSlowCommitAsync(heimdall, "slow", cancellationToken);
        var query = heimdall.SubmitAsync(
            "insert into slow values (7) returning i", returnResult: true, cancellationToken, name: "frozen-commit");
        await WaitForCommitAsync(heimdall, "slow", cancellationToken);
        var id = await heimdall.FindJobAsync("frozen-commit", "RUNNING", cancellationToken);

        await heimdall.Api!.SignalAsync("STOP", cancellationToken);
        await heimdall.OpenGateAsync("slow", cancellationToken);
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>(
                "select status = 'FAILED' from heimdall.job where id = $1", cancellationToken, id),
            cancellationToken);
        await heimdall.Api.SignalAsync("CONT", cancellationToken);
        var reply = await query;

        var record = await heimdall.JobAsync(id, cancellationToken);
        Assert.That(await heimdall.Target.ScalarAsync<int>("select i from slow", cancellationToken), Is.EqualTo(7));
        Assert.That(
            new[] { record["status"], reply["id"], reply["error"] },
            Is.EqualTo(new[] { "FAILED", id.ToString(), record["error"] }),
            reply.Text);
        reply.AssertProblem(500, "it is not known");
    }

    /// <summary>
    /// A table of one column. A transaction that inserts into it waits in its COMMIT until the gate of the same name is
    /// open.
    /// </summary>
    private static async Task CreateSlowCommitAsync(
        HeimdallInstance heimdall, string table, CancellationToken cancellationToken)
    {
        await heimdall.CloseGateAsync(table, cancellationToken);
        await heimdall.Target.ExecuteAsync(
            $"""
            create table {table} (i int);
            create function wait_{table}() returns trigger language plpgsql as $$
            begin
              while exists (select from gate where name = '{table}') loop perform pg_sleep(0.02); end loop;
              return null;
            end $$;
            create constraint trigger wait_{table} after insert on {table} deferrable initially deferred
              for each row execute function wait_{table}()
            """,
            cancellationToken);
    }

    /// <summary>Kills a worker that has never read the answer to its COMMIT.</summary>
    private async Task KillBehindCommitAsync(HeimdallProcess worker, string table, CancellationToken cancellationToken)
    {
        await WaitForCommitAsync(_heimdall, table, cancellationToken);
        await worker.SignalAsync("STOP", cancellationToken);
        await _heimdall.OpenGateAsync(table, cancellationToken);
        await Eventually.Is(
            () => _heimdall.Target.ScalarAsync<bool>($"select exists (select from {table})", cancellationToken),
            cancellationToken);
        await worker.KillAsync(cancellationToken);
    }

    private static Task WaitForCommitAsync(
        HeimdallInstance heimdall, string table, CancellationToken cancellationToken) => Eventually.Is(
        () => heimdall.Target.ScalarAsync<bool>(
            $"""
            select exists (select from pg_stat_activity join pg_locks using (pid)
              where relation = '{table}'::regclass and wait_event = 'PgSleep')
            """,
            cancellationToken),
        cancellationToken);
}
