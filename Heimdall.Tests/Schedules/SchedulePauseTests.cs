using Heimdall.Core.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>What a pause keeps from running, what goes on when it ends, and what is decided before it begins.</summary>
[CancelAfter(60_000)]
public sealed class SchedulePauseTests
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
    public async Task A_pause_passes_over_and_says_so(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();

        var paused = await control.PauseAsync(Id, "bob", "closing", until: null, cancellationToken);
        Assert.That((paused!.NextAt, paused.Pause!.By, paused.Pause.Reason), Is.EqualTo(((DateTime?)null, "bob", "closing")));
        await _store.FireAtAsync(process, Noon.AddMinutes(3), cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.Empty);

        _store.Clock.Now = Noon.AddMinutes(3).AddSeconds(1);
        var resumed = await control.ResumeAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(4), cancellationToken);

        Assert.That((resumed!.Pause, resumed.NextAt), Is.EqualTo(((SchedulePause?)null, (DateTime?)Noon.AddMinutes(4))));
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:03:00 SKIPPED", "12:04:00 FIRED" }));
        Assert.That(
            await _store.Database.ScalarAsync<string>("select reason from heimdall.schedule_run where outcome = 'SKIPPED'", cancellationToken),
            Is.EqualTo("Paused by bob: closing. So it was of the 3 before."));
    }

    [Test]
    public async Task A_pause_with_an_end_ends_by_itself_also_after_a_restart(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute, cancellationToken);

        var paused = await process.GetRequiredService<ScheduleControl>().PauseAsync(Id, "bob", "", Noon.AddMinutes(2), cancellationToken);
        var restarted = await _store.StartAsync(cancellationToken);
        await _store.FireAtAsync(restarted, Noon.AddMinutes(1), cancellationToken);
        await _store.FireAtAsync(restarted, Noon.AddMinutes(2), cancellationToken);

        Assert.That(paused!.NextAt, Is.EqualTo(Noon.AddMinutes(2)));
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:01:00 SKIPPED", "12:02:00 FIRED" }));
        Assert.That((await restarted.GetRequiredService<ScheduleStore>().FindAsync(Id, cancellationToken))!.Pause, Is.Null);
    }

    [Test]
    public async Task Somebody_may_ask_for_a_run_while_it_is_paused(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Skip }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);

        var first = await control.TriggerAsync(Id, "carol", cancellationToken);
        var second = await control.TriggerAsync(Id, "carol", cancellationToken);

        Assert.That((first!.Outcome, first.TriggeredBy, first.PlannedAt), Is.EqualTo((RunOutcome.Fired, "carol", _store.Clock.Now)));
        Assert.That((second!.Outcome, second.Reason), Is.EqualTo((RunOutcome.Skipped, $"The run before has not ended (job {first.JobId}).")));
        Assert.That(await _store.Database.ColumnAsync<string>("select \"user\" from heimdall.job", cancellationToken), Is.EqualTo(new[] { "alice" }));
        Assert.That(await control.TriggerAsync("nobody", "carol", cancellationToken), Is.Null);
    }

    [Test]
    public async Task A_run_that_waits_goes_on_waiting_while_it_is_paused_and_is_fired_afterwards(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Queue }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);

        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.Empty);
        await _store.FireAtAsync(process, Noon.AddMinutes(1).AddSeconds(20), cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 WAITING" }));

        await control.ResumeAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1).AddSeconds(30), cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 FIRED" }));
    }

    [Test]
    public async Task A_run_that_waits_too_long_because_of_a_pause_is_skipped(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(
            EveryMinute with { Overlap = OverlapRule.Queue, Cron = "0 * * * *", MaxLateness = TimeSpan.FromMinutes(10) }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddHours(1), cancellationToken);
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);

        _store.Clock.Now = Noon.AddHours(1).AddMinutes(30);
        await control.ResumeAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, _store.Clock.Now, cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "13:00:00 SKIPPED" }));
    }

    [Test]
    public async Task While_it_is_paused_nothing_is_cancelled_for_a_run_that_waits(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Replace }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.StartJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);
        // As if the cancel had been lost.
        await _store.Database.ExecuteAsync("update heimdall.job set status = 'RUNNING'", cancellationToken);

        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.Empty);
        await _store.FireAtAsync(process, Noon.AddMinutes(1).AddSeconds(20), cancellationToken);
        Assert.That(await StatusesAsync(cancellationToken), Is.EqualTo(new[] { "RUNNING" }));

        await control.ResumeAsync(Id, cancellationToken);
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.EqualTo(new[] { Id }));
        await _store.FireAtAsync(process, Noon.AddMinutes(1).AddSeconds(30), cancellationToken);
        Assert.That(await StatusesAsync(cancellationToken), Is.EqualTo(new[] { "CANCELING" }));
    }

    [Test]
    public async Task What_somebody_asks_for_while_it_is_paused_passes_what_waits(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Queue }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);

        _store.Clock.Now = Noon.AddMinutes(1).AddSeconds(10);
        Assert.That((await control.TriggerAsync(Id, "carol", cancellationToken))!.Outcome, Is.EqualTo(RunOutcome.Waiting));
        await _store.EndJobsAsync(Id, cancellationToken);
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.EqualTo(new[] { Id }));
        await _store.FireAtAsync(process, Noon.AddMinutes(1).AddSeconds(20), cancellationToken);

        Assert.That(
            await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 WAITING", "12:01:10 FIRED by carol" }));
        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Is.Empty);
    }

    [Test]
    public async Task What_somebody_asks_for_while_it_is_paused_replaces_what_waits(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(EveryMinute with { Overlap = OverlapRule.Replace }, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.StartJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);

        _store.Clock.Now = Noon.AddMinutes(1).AddSeconds(10);
        await control.TriggerAsync(Id, "carol", cancellationToken);

        Assert.That(
            await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:01:00 SKIPPED", "12:01:10 FIRED by carol" }));
    }

    private Task<List<string>> StatusesAsync(CancellationToken cancellationToken) =>
        _store.Database.ColumnAsync<string>("select status from heimdall.job order by planned_at", cancellationToken);
}
