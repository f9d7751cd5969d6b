using System.Net.Http.Json;
using Hangfire;
using Heimdall.Core.Queue;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Schedules as real workers fire them, each second, and as they die at it.</summary>
[CancelAfter(180_000)]
public sealed class ScheduleWorkerTests() : RealProcessTests(processes: 1)
{
    private const string Id = "secondly";

    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(worker: false);

    [TearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Two_workers_run_each_second_once(CancellationToken cancellationToken)
    {
        await PutAsync(new { overlap = "allow", misfire = "all" }, cancellationToken);
        await _heimdall.StartWorkerAsync();
        await _heimdall.StartWorkerAsync();

        await WaitForEndedAsync(8, cancellationToken);

        await StopFiringAsync(cancellationToken);
        await AssertEachSecondOnceAsync(cancellationToken);
        var job = (await _heimdall.GetAsync($"/api/v1/jobs?schedule={Id}&status=SUCCEEDED&limit=1", cancellationToken)).Json.GetProperty("data")[0];
        Assert.That(job.GetProperty("planned_at").GetDateTime(), Is.LessThanOrEqualTo(job.GetProperty("created_at").GetDateTime()));
        Assert.That(job.GetProperty("schedule").GetString(), Is.EqualTo(Id));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from hangfire.state where name = 'Succeeded' and jobid in (select id from hangfire.job where invocationdata::text like '%TickAsync%')", cancellationToken),
            Is.Positive, "Hangfire's recurring job has called");
    }

    /// <summary>The lock stops the worker's transaction at a step between Hangfire's call and the commit of the jobs.</summary>
    [TestCase("schedule", "row exclusive", Description = "before it has read what is due")]
    [TestCase("schedule_run", "share", Description = "before it has written what it has decided")]
    [TestCase("job", "share", Description = "when it writes the jobs")]
    public async Task A_worker_killed_between_the_call_and_its_jobs_loses_none(string table, string mode, CancellationToken cancellationToken)
    {
        await PutAsync(new { overlap = "allow", misfire = "all" }, cancellationToken);
        var worker = _heimdall.StartWorkerProcess();
        await WaitForEndedAsync(2, cancellationToken);

        await using (var connection = new NpgsqlConnection(_heimdall.Store.ConnectionString))
        {
            await connection.OpenAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var locking = new NpgsqlCommand(
                table == "schedule" ? $"select from heimdall.schedule where id = '{Id}' for update" : $"lock table heimdall.{table} in {mode} mode", connection);
            await locking.ExecuteNonQueryAsync(cancellationToken);
            await Eventually.Is(
                () => _heimdall.Store.ScalarAsync<bool>(
                    """
                    select exists (select from pg_stat_activity
                        where datname = current_database() and application_name = 'heimdall store' and pg_blocking_pids(pid) @> array[$1]
                            and (query like '%from schedule where % for update%' or query like '%insert into schedule_run%' or query like 'with asked as materialized%'))
                    """,
                    cancellationToken, connection.ProcessID),
                cancellationToken);
            await worker.KillAsync(cancellationToken);
        }
        var killedAfter = await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where schedule is not null", cancellationToken);
        await _heimdall.StartWorkerAsync();
        await WaitForEndedAsync(killedAfter + 5, cancellationToken);

        await StopFiringAsync(cancellationToken);
        await AssertEachSecondOnceAsync(cancellationToken);
    }

    [Test]
    public async Task Replace_stops_the_query_that_runs_and_runs_when_it_is_gone(CancellationToken cancellationToken)
    {
        await _heimdall.StartWorkerAsync();
        await PutAsync(new { overlap = "replace", query = "select pg_sleep(600)" }, cancellationToken, cron: "0 0 1 1 *");
        var first = await TriggerAsync(cancellationToken);
        await _heimdall.WaitForStatusAsync(first, "RUNNING", cancellationToken);

        var waiting = (await PostAsync("trigger", cancellationToken)).AssertStatus(202);
        Assert.That(waiting["outcome"], Is.EqualTo("WAITING"));

        await _heimdall.WaitForStatusAsync(first, "CANCELED", cancellationToken);
        var run = await Eventually.Becomes(
            async () => (await _heimdall.GetAsync($"/api/v1/schedule/{Id}", cancellationToken)).Json.GetProperty("last_run"),
            () => Is.Not.Null.And.Matches<System.Text.Json.JsonElement>(last => last.GetProperty("outcome").GetString() == "FIRED"),
            cancellationToken);
        Assert.That(run.GetProperty("id").GetString(), Is.EqualTo(waiting["id"]));
        var second = run.GetProperty("job_id").GetGuid();
        var started = await _heimdall.WaitForStatusAsync(second, "RUNNING", cancellationToken);
        var ended = await _heimdall.JobAsync(first, cancellationToken);
        Assert.That(ended["canceled_by"], Is.EqualTo("schedule"));
        Assert.That(string.CompareOrdinal(started["started_at"], ended["finished_at"]), Is.GreaterThanOrEqualTo(0));
        await _heimdall.CancelAsync(second, cancellationToken);
        await _heimdall.WaitForEndAsync(second, cancellationToken);
    }

    [Test]
    public async Task A_schedule_is_looked_at_while_all_workers_are_busy(CancellationToken cancellationToken)
    {
        _heimdall.Configure(config => config with { Worker = "lease: 2s, concurrency: 1" });
        await _heimdall.StartWorkerAsync();
        await _heimdall.CloseGateAsync("busy", cancellationToken);
        var blocker = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("busy"), cancellationToken);
        await _heimdall.WaitForStatusAsync(blocker, "RUNNING", cancellationToken);

        await PutAsync(new { overlap = "skip" }, cancellationToken);

        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                "select exists (select from heimdall.schedule_run where outcome = 'FIRED') and exists (select from heimdall.schedule_run where outcome = 'SKIPPED')", cancellationToken),
            cancellationToken);
        await _heimdall.OpenGateAsync("busy", cancellationToken);
        await _heimdall.WaitForEndAsync(blocker, cancellationToken);
    }

    [Test]
    public async Task Trigger_now_in_Hangfires_dashboard_runs_it(CancellationToken cancellationToken)
    {
        await _heimdall.StartWorkerAsync();
        await PutAsync(new { }, cancellationToken, cron: "0 0 1 1 *");

        await PressTriggerNowAsync();

        var run = await Eventually.Becomes(
            async () => (await _heimdall.GetAsync($"/api/v1/schedule/{Id}/runs", cancellationToken)).Json.GetProperty("data"),
            () => Is.Not.Null.And.Matches<System.Text.Json.JsonElement>(runs => runs.GetArrayLength() == 1),
            cancellationToken);
        Assert.That(run[0].GetProperty("triggered_by").GetString(), Is.EqualTo("anonymous"));
        await _heimdall.WaitForStatusAsync(run[0].GetProperty("job_id").GetGuid(), "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task Trigger_now_makes_one_run_when_the_worker_is_killed_before_Hangfire_knows_of_it(CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync(
            """
            create table told (id int);
            create function tell() returns trigger language plpgsql as $$ begin
                if exists (select from hangfire.job where id = new.jobid and invocationdata::text like '%TriggerAsync%') then
                    perform from public.told for update; -- of all ends, only that of the call: nobody else is in its way
                end if;
                return new;
            end $$;
            create trigger tell before insert on hangfire.state for each row when (new.name = 'Succeeded') execute function tell();
            insert into told values (1)
            """,
            cancellationToken);
        await PutAsync(new { overlap = "allow" }, cancellationToken, cron: "0 0 1 1 *");
        var worker = _heimdall.StartWorkerProcess();
        await using (var connection = new NpgsqlConnection(_heimdall.Store.ConnectionString))
        {
            await connection.OpenAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var holding = new NpgsqlCommand("select from told for update", connection);
            await holding.ExecuteNonQueryAsync(cancellationToken);
            await PressTriggerNowAsync();
            await Eventually.Is(
                () => _heimdall.Store.ScalarAsync<bool>(
                    """
                    select exists (select from heimdall.schedule_run where outcome = 'FIRED')
                        and exists (select from hangfire.job where statename = 'Processing' and invocationdata::text like '%TriggerAsync%')
                        and exists (select from pg_stat_activity
                            where datname = current_database() and application_name in ('heimdall queue', 'heimdall entries')
                                and pg_blocking_pids(pid) @> array[$1])
                    """,
                    cancellationToken, connection.ProcessID),
                cancellationToken);
            await worker.KillAsync(cancellationToken);
        }

        await _heimdall.StartWorkerAsync();

        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                "select exists (select from hangfire.job where statename = 'Succeeded' and invocationdata::text like '%TriggerAsync%')", cancellationToken),
            cancellationToken,
            TimeSpan.FromSeconds(60));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from hangfire.state where name = 'Processing' and jobid in (select id from hangfire.job where invocationdata::text like '%TriggerAsync%')", cancellationToken),
            Is.EqualTo(2), "it was delivered twice");
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.schedule_run", cancellationToken), Is.EqualTo(1));
        Assert.That(await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where schedule is not null", cancellationToken), Is.EqualTo(1));
    }

    /// <summary>What the button in Hangfire's dashboard does.</summary>
    private async Task PressTriggerNowAsync()
    {
        await using var store = ScheduleTestStore.Build(_heimdall.Store, TimeProvider.System);
        var manager = ((IRecurringJobManagerFactory)store.GetRequiredService<RecurringJobs>()).GetManager(store.GetRequiredService<JobStorage>());
        manager.Trigger(Id);
    }

    private async Task PutAsync(object more, CancellationToken cancellationToken, string cron = "* * * * * *")
    {
        var body = more.GetType().GetProperties().Where(field => field.Name != "query").ToDictionary(field => field.Name, field => field.GetValue(more));
        body["cron"] = cron;
        body["command_criteria"] = new[] { "type:postgres" };
        body["cluster_criteria"] = new[] { "data:local" };
        body["context"] = new { query = more.GetType().GetProperty("query")?.GetValue(more) ?? "select 1" };
        (await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/schedule/{Id}", cancellationToken, JsonContent.Create(body))).AssertStatus(201);
    }

    private Task<Reply> PostAsync(string what, CancellationToken cancellationToken) =>
        _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/schedule/{Id}/{what}", cancellationToken);

    private async Task<Guid> TriggerAsync(CancellationToken cancellationToken) =>
        Guid.Parse((await PostAsync("trigger", cancellationToken)).AssertStatus(202)["job_id"]!);

    private Task WaitForEndedAsync(long jobs, CancellationToken cancellationToken) => Eventually.Is(
        async () => await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where schedule is not null and status = 'SUCCEEDED'", cancellationToken) >= jobs,
        cancellationToken,
        TimeSpan.FromSeconds(90));

    private async Task StopFiringAsync(CancellationToken cancellationToken)
    {
        (await PostAsync("pause", cancellationToken)).AssertStatus(200);
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>("select not exists (select from heimdall.job where schedule is not null and status in ('ACCEPTED', 'RUNNING'))", cancellationToken),
            cancellationToken,
            TimeSpan.FromSeconds(60));
    }

    /// <summary>From the first to the last, no second is left out, none is there twice, and each has run.</summary>
    private async Task AssertEachSecondOnceAsync(CancellationToken cancellationToken)
    {
        var planned = await _heimdall.Store.ColumnAsync<DateTime>("select planned_at from heimdall.job where schedule = $1 order by 1", cancellationToken, Id);
        Assert.That(planned, Is.EqualTo(Enumerable.Range(0, planned.Count).Select(second => planned[0].AddSeconds(second))));
        Assert.That(await _heimdall.Store.ColumnAsync<string>("select distinct status from heimdall.job", cancellationToken), Is.EqualTo(new[] { "SUCCEEDED" }));
        Assert.That(
            await _heimdall.Store.ColumnAsync<DateTime>("select planned_at from heimdall.schedule_run where outcome = 'FIRED' order by 1", cancellationToken),
            Is.EqualTo(planned));
    }
}
