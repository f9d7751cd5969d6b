using System.Text.Json.Nodes;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Schedules in a real store, by a clock that the test sets: what is fired, and what the rules make of what is in the way.</summary>
[CancelAfter(60_000)]
public sealed class ScheduleFiringTests
{
    private const string Id = ScheduleTestStore.Id;

    private static readonly DateTime Noon = ScheduleTestStore.Noon;

    private static readonly ScheduleDefinition EveryMinute = ScheduleTestStore.EveryMinute;

    private ScheduleTestStore _store = null!;

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(Noon.AddSeconds(-30));

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task A_run_is_an_ordinary_job_that_names_its_schedule(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { MaxLateness = TimeSpan.FromHours(1) }, cancellationToken);

        await _store.FireAtAsync(process, Noon.AddSeconds(1), cancellationToken);

        var jobs = (await process.GetRequiredService<JobStore>().ListAsync(new JobFilter { ScheduleId = Id }, cancellationToken)).Jobs;
        Assert.That(jobs, Has.Exactly(1).Items);
        Assert.That(jobs[0], Has.Property(nameof(Job.Status)).EqualTo(JobStatus.Accepted).And.Property(nameof(Job.Name)).EqualTo("raise"));
        Assert.That((jobs[0].User, jobs[0].PlannedAt, jobs[0].StartBefore), Is.EqualTo(("alice", (DateTime?)Noon, (DateTime?)Noon.AddHours(1))));
        Assert.That(jobs[0].Tags, Is.EqualTo(new[] { "nightly" }));
        var run = (await process.GetRequiredService<ScheduleRunStore>().LastAsync(cancellationToken))[Id];
        Assert.That((run.Outcome, run.PlannedAt, run.JobId, run.DecidedAt), Is.EqualTo((RunOutcome.Fired, Noon, (Guid?)jobs[0].Id, Noon.AddSeconds(1))));
        Assert.That(await _store.Database.ScalarAsync<long>(
            "select count(*) from hangfire.job entry join heimdall.job on job.queue_id = entry.id::text", cancellationToken), Is.EqualTo(1));
    }

    [Test]
    public async Task Workers_that_are_called_together_fire_each_occurrence_once(CancellationToken cancellationToken)
    {
        var definition = EveryMinute with { Cron = "* * * * * *", Overlap = OverlapRule.Allow, Misfire = MisfireRule.All };
        var one = await _store.StartAsync(definition, cancellationToken);
        var other = await _store.StartAsync(cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(119.5);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(call => Task.Run(
            () => (call % 2 == 0 ? one : other).GetRequiredService<ScheduleFirer>().FireDueAsync(Id, cancellationToken), cancellationToken)));

        var planned = await _store.Database.ColumnAsync<DateTime>("select planned_at from heimdall.job where schedule = $1 order by 1", cancellationToken, Id);
        Assert.That(planned, Is.EqualTo(Enumerable.Range(-29, 149).Select(second => Noon.AddSeconds(second))));
        Assert.That(await _store.Database.ScalarAsync<long>("select count(*) from heimdall.schedule_run", cancellationToken), Is.EqualTo(149));
    }

    [Test]
    public async Task Skip_leaves_out_what_comes_while_the_run_before_goes_on(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Skip }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(2), cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 SKIPPED", "12:02:00 FIRED" }));
        var first = await _store.Database.ScalarAsync<Guid>("select job_id from heimdall.schedule_run order by planned_at limit 1", cancellationToken);
        Assert.That(
            await _store.Database.ScalarAsync<string>("select reason from heimdall.schedule_run where outcome = 'SKIPPED'", cancellationToken),
            Does.Contain(first.ToString()));
    }

    [Test]
    public async Task Allow_fires_beside_the_run_before(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Allow }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 FIRED" }));
    }

    [Test]
    public async Task Queue_fires_one_after_the_other_in_their_order(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Queue }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(2), cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 WAITING", "12:02:00 WAITING" }));
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.Empty);

        await _store.EndJobsAsync(Id, cancellationToken);
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.EqualTo(new[] { Id }));
        await _store.FireAtAsync(process, Noon.AddMinutes(2).AddSeconds(9), cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 FIRED", "12:02:00 WAITING" }));
    }

    [Test]
    public async Task Queue_is_bounded(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Queue, Misfire = MisfireRule.All }, cancellationToken);

        await _store.FireAtAsync(process, Noon.AddMinutes(150), cancellationToken);

        Assert.That(
            (await _store.RunsAsync(Id, cancellationToken)).CountBy(run => run.Split(' ')[1]),
            Is.EquivalentTo(new KeyValuePair<string, int>[] { new("FIRED", 1), new("WAITING", 100), new("SKIPPED", 50) }));
    }

    [Test]
    public async Task One_whose_turn_comes_too_late_is_skipped(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Queue, Cron = "0 * * * *", MaxLateness = TimeSpan.FromMinutes(10) }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddHours(1), cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddHours(1).AddMinutes(11), cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "13:00:00 SKIPPED" }));
    }

    [Test]
    public async Task Replace_cancels_the_run_before_and_fires_when_it_is_gone(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Replace }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.StartJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        Assert.That(await JobsAsync("status || ' by ' || canceled_by", cancellationToken), Is.EqualTo(new[] { "CANCELING by schedule" }));
        await _store.FireAtAsync(process, Noon.AddMinutes(2), cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 SKIPPED", "12:02:00 WAITING" }));

        await _store.EndJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(2).AddSeconds(5), cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 SKIPPED", "12:02:00 FIRED" }));
    }

    [Test]
    public async Task A_cancel_that_was_lost_is_found(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Replace }, cancellationToken);
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);

        // As if the worker had died after its commit.
        await _store.Database.ExecuteAsync("update heimdall.job set status = 'RUNNING', finished_at = null", cancellationToken);

        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.EqualTo(new[] { Id }));
        await _store.FireAtAsync(process, Noon.AddMinutes(1).AddSeconds(4), cancellationToken);
        Assert.That(await JobsAsync("status", cancellationToken), Is.EqualTo(new[] { "CANCELING" }));
    }

    [Test]
    public async Task One_that_finds_no_cluster_is_refused_and_says_why(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { ClusterCriteria = ["data:gone"] }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 REFUSED" }));
        Assert.That(await _store.Database.ScalarAsync<string>("select reason from heimdall.schedule_run", cancellationToken), Does.Contain("data:gone"));
        Assert.That(await JobsAsync("status", cancellationToken), Is.Empty);
    }

    [Test]
    public async Task One_whose_context_no_plugin_takes_is_refused_and_says_why(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Context = new JsonObject { ["query"] = "select 1", ["tea"] = true } }, cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);

        Assert.That(await _store.Database.ScalarAsync<string>("select outcome || reason from heimdall.schedule_run", cancellationToken), Does.StartWith("REFUSED").And.Contain("tea"));
    }

    [Test]
    public async Task What_was_missed_while_no_worker_ran_is_made_up_for_once(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute, cancellationToken);

        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.Empty);
        _store.Clock.Now = Noon.AddMinutes(3).AddSeconds(20);
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.EqualTo(new[] { Id }));
        await _store.FireAtAsync(process, _store.Clock.Now, cancellationToken);

        Assert.That(
            await _store.RunsAsync(Id, cancellationToken),
            Is.EqualTo(new[] { "12:00:00 SKIPPED", "12:01:00 SKIPPED", "12:02:00 SKIPPED", "12:03:00 FIRED" }));
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.Empty);
    }

    [Test]
    public async Task Hangfire_shows_the_next_run_that_there_will_be(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Cron = "0 15 * * *", Timezone = "Europe/Berlin", EndsAt = Noon.AddDays(1) }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        var recurring = process.GetRequiredService<RecurringJobs>();
        async Task<RecurringJob> ShownAsync() => (await recurring.ListAsync(cancellationToken)).Single();

        Assert.That(await ShownAsync(), Is.EqualTo(new RecurringJob(Id, "0 15 * * *", "Europe/Berlin", Noon.AddHours(1))));
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);
        Assert.That((await ShownAsync()).NextAt, Is.Null);
        await control.ResumeAsync(Id, cancellationToken);
        Assert.That((await ShownAsync()).NextAt, Is.EqualTo(Noon.AddHours(1)));
        await _store.FireAtAsync(process, Noon.AddHours(1), cancellationToken);
        Assert.That((await ShownAsync()).NextAt, Is.Null, "the next would be after its end");
        await control.DeleteAsync(Id, _ => true, cancellationToken);
        Assert.That(await recurring.ListAsync(cancellationToken), Is.Empty);
    }

    [Test]
    public async Task What_is_changed_in_Hangfire_by_hand_is_put_right(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Cron = "0 15 * * *" }, cancellationToken);
        var recurring = process.GetRequiredService<RecurringJobs>();
        var right = await recurring.ListAsync(cancellationToken);

        recurring.TryRemove(Id);
        recurring.TrySet(new RecurringJob("stray", "* * * * *", "UTC", Noon));
        await process.GetRequiredService<ScheduleMirror>().RepairAsync(cancellationToken);
        Assert.That(await recurring.ListAsync(cancellationToken), Is.EqualTo(right));

        recurring.TrySet(right[0] with { Cron = "1 1 1 1 *" });
        await process.GetRequiredService<ScheduleMirror>().RepairAsync(cancellationToken);
        Assert.That(await recurring.ListAsync(cancellationToken), Is.EqualTo(right));
    }

    [Test]
    public async Task Old_history_is_forgotten(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Misfire = MisfireRule.All, Overlap = OverlapRule.Allow }, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(9), cancellationToken);

        await process.GetRequiredService<ScheduleRunStore>().TrimAsync(kept: 2, cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:07:00 FIRED", "12:08:00 FIRED", "12:09:00 FIRED" }));
    }

    private Task<List<string>> JobsAsync(string column, CancellationToken cancellationToken) =>
        _store.Database.ColumnAsync<string>($"select {column} from heimdall.job where schedule = $1 order by planned_at", cancellationToken, Id);
}
