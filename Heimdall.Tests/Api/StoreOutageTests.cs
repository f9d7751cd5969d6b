using System.Net;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Heimdall's own database goes away and comes back.</summary>
[CancelAfter(60_000)]
public sealed class StoreOutageTests
{
    private HeimdallInstance _heimdall = null!;
    private TcpProxy _proxy = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _proxy = new TcpProxy(TestDatabase.ServerConnectionString);
        _heimdall = await HeimdallInstance.StartAsync(config => config with { Store = _proxy.Through(config.Store) });
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _proxy.DisposeAsync();
    }

    [Test]
    public async Task Nothing_is_half_written_while_the_store_is_away(CancellationToken cancellationToken)
    {
        var before = (await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, prefer: "wait=30")).AssertStatus(200);

        await _proxy.CutAsync();
        var batch = await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, name: "away");
        var query = await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, name: "away");
        var read = await _heimdall.GetAsync($"/api/v1/job/{before.Id}", cancellationToken);
        var result = await _heimdall.GetAsync($"/api/v1/job/{before.Id}/result", cancellationToken);
        var list = await _heimdall.GetAsync("/api/v1/jobs", cancellationToken);
        var cancel = await _heimdall.CancelAsync(before.Id, cancellationToken);
        var alive = await _heimdall.GetAsync("/healthz", cancellationToken);

        foreach (var reply in new[] { batch, read, result, list })
        {
            reply.AssertProblem(503, "Nothing was recorded");
            Assert.That(reply.Header("Retry-After"), Is.Not.Null);
        }
        // Where the connection is found cut by the very write of the record, it is not known what came of that.
        query.AssertProblem(503);
        Assert.That(query["detail"], Does.StartWith("Nothing was recorded").Or.StartWith("The query was not run"));
        Assert.That(query.Header("Retry-After"), Is.Not.Null);
        cancel.AssertProblem(503, "Whether it was recorded is not known");
        // Requests within a second share one look, which may be from before.
        await Eventually.Is(
            async () => (await _heimdall.GetAsync("/readyz", cancellationToken)).Status == HttpStatusCode.ServiceUnavailable,
            cancellationToken);
        alive.AssertStatus(200);

        _proxy.Mend();
        await Eventually.Is(async () => (await _heimdall.GetAsync("/readyz", cancellationToken)).Status == HttpStatusCode.OK, cancellationToken);
        var after = await _heimdall.EnqueueAsync("select 1", cancellationToken);
        var job = await _heimdall.WaitForEndAsync(after, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where name = 'away'", cancellationToken), Is.Zero);
        Assert.That(
            await _heimdall.Store.ScalarAsync<bool>(
                "select (select count(*) from hangfire.job) = (select count(*) from heimdall.job where not is_sync)", cancellationToken),
            "as many queued as recorded");
    }

    [Test]
    public async Task A_store_that_is_silent_is_not_waited_for_and_what_could_not_be_recorded_is_not_run(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table silent (id int)", cancellationToken);
        (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken)).AssertStatus(200);

        _proxy.Freeze();
        var replies = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => _heimdall.SubmitAsync(
            $"insert into silent values ({i}) returning id", returnResult: true, cancellationToken, name: "silent")));
        _proxy.Thaw();

        foreach (var reply in replies)
        {
            reply.AssertProblem(503, "again in some seconds");
            Assert.That(reply.Header("Retry-After"), Is.Not.Null);
        }
        await Eventually.Is(async () => (await _heimdall.GetAsync("/readyz", cancellationToken)).Status == HttpStatusCode.OK, cancellationToken);
        (await _heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken)).AssertStatus(200);
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>("select not exists (select from heimdall.job where name = 'silent' and status <> 'FAILED')", cancellationToken), cancellationToken);
        Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from silent", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_job_that_is_waited_for_is_not_denied_when_the_store_goes_away(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table waited (id int); create table barrier (id int); insert into barrier values (1)", cancellationToken);
        var waiting = _heimdall.SubmitAsync(
            "do $$ begin while exists (select from barrier) loop perform pg_sleep(0.05); end loop; end $$; insert into waited values (1)",
            returnResult: false, cancellationToken, prefer: "wait=6");
        await Eventually.Is(
            () => _heimdall.Target.ScalarAsync<bool>("select exists (select from pg_stat_activity where query like '%from barrier%' and application_name like 'heimdall %-%')", cancellationToken),
            cancellationToken);

        await _proxy.CutAsync();
        var reply = await waiting;
        _proxy.Mend();
        await _heimdall.Target.ExecuteAsync("delete from barrier", cancellationToken);

        reply.AssertStatus(202);
        Assert.That(reply.Header("Location"), Is.EqualTo($"/api/v1/job/{reply.Id}"));
        await Eventually.Is(async () => (await _heimdall.GetAsync($"/api/v1/job/{reply.Id}", cancellationToken)).Text.Contains("SUCCEEDED", StringComparison.Ordinal), cancellationToken);
        Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from waited", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task A_job_that_runs_while_the_store_is_away_keeps_its_end(CancellationToken cancellationToken)
    {
        await _heimdall.Target.ExecuteAsync("create table effect (id int); create table gate (id int); insert into gate values (1)", cancellationToken);
        var id = await _heimdall.EnqueueAsync(
            "insert into effect values (1); do $$ begin while exists (select from gate) loop perform pg_sleep(0.05); end loop; end $$; insert into effect values (2)",
            cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        await _proxy.CutAsync();
        await _heimdall.Target.ExecuteAsync("delete from gate", cancellationToken);
        _proxy.Mend();

        var job = await Eventually.Becomes(
            () => _heimdall.GetAsync($"/api/v1/job/{id}", cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(reply => reply?["status"] is "SUCCEEDED" or "FAILED"),
            cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        Assert.That(await _heimdall.Target.ColumnAsync<int>("select id from effect order by id", cancellationToken), Is.EqualTo(new[] { 1, 2 }));
    }
}
