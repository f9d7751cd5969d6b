using System.Text.Json.Nodes;
using Heimdall.Core.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>A schedule is changed while something is due that no worker has looked at: it is decided by what was said before.</summary>
[CancelAfter(60_000)]
public sealed class ScheduleChangeTests
{
    private const string Id = ScheduleTestStore.Id;

    private static readonly DateTime Noon = ScheduleTestStore.Noon;

    private static readonly ScheduleDefinition EveryMinute = ScheduleTestStore.EveryMinute;

    private static readonly ScheduleDefinition OtherTimes = EveryMinute with { Cron = "0 15 * * *", Context = new JsonObject { ["query"] = "select 2" } };

    private ScheduleTestStore _store = null!;

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(Noon.AddSeconds(-30));

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task What_was_due_before_a_pause_is_fired(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute, cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(10);
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED" }));

        _store.Clock.Now = Noon.AddMinutes(2).AddSeconds(10);
        await control.ResumeAsync(Id, cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED", "12:02:00 SKIPPED" }));
        Assert.That(await ReasonAsync(cancellationToken), Is.EqualTo("Paused by bob. So it was of the 1 before."));
    }

    [Test]
    public async Task Of_very_much_that_was_due_before_a_pause_nothing_is_left_out(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute with { Misfire = MisfireRule.All, Overlap = OverlapRule.Allow }, cancellationToken);

        _store.Clock.Now = Noon.AddMinutes(249);
        var paused = await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);

        Assert.That(paused!.Pause, Is.Not.Null);
        var planned = await _store.Database.ColumnAsync<DateTime>("select planned_at from heimdall.job order by 1", cancellationToken);
        Assert.That(planned, Is.EqualTo(Enumerable.Range(0, 250).Select(minute => Noon.AddMinutes(minute))));
    }

    [Test]
    public async Task A_job_is_not_cancelled_for_a_run_that_the_pause_then_holds(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute with { Overlap = OverlapRule.Replace }, cancellationToken);
        await control.TriggerAsync(Id, "carol", cancellationToken);
        await _store.StartJobsAsync(Id, cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(2);
        await control.PauseAsync(Id, "bob", "", until: null, cancellationToken);

        Assert.That((await _store.RunsAsync(Id, cancellationToken))[^1], Is.EqualTo("12:00:00 WAITING"));
        Assert.That(await _store.Database.ColumnAsync<string>("select status from heimdall.job", cancellationToken), Is.EqualTo(new[] { "RUNNING" }));
    }

    [Test]
    public async Task What_was_due_before_other_times_is_fired_as_it_was(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute, cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(10);
        var put = await control.PutAsync(OtherTimes, scopes: null, _ => true, cancellationToken);

        Assert.That(put!.Value.Schedule.NextAt, Is.EqualTo(Noon.AddHours(3)));
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED" }));
        Assert.That(await _store.Database.ScalarAsync<string>("select context ->> 'query' from heimdall.job", cancellationToken), Is.EqualTo("select 1"));
    }

    [Test]
    public async Task Nothing_that_falls_into_the_time_of_a_change_is_left_out(CancellationToken cancellationToken)
    {
        var everySecond = EveryMinute with { Cron = "* * * * * *", Misfire = MisfireRule.All, Overlap = OverlapRule.Allow };
        var control = await StartAsync(everySecond, cancellationToken);
        var start = _store.Clock.Now;

        _store.Clock.Step = TimeSpan.FromSeconds(3);
        var put = await control.PutAsync(everySecond with { Cron = "*/7 * * * * *" }, scopes: null, _ => true,
            cancellationToken);

        var seconds = (int)(put!.Value.Schedule.DecidedUntil - start).TotalSeconds;
        Assert.That(seconds, Is.Positive);
        Assert.That(
            await _store.Database.ColumnAsync<DateTime>("select planned_at from heimdall.schedule_run order by 1", cancellationToken),
            Is.EqualTo(Enumerable.Range(1, seconds).Select(second => start.AddSeconds(second))));
    }

    [Test]
    public async Task What_a_pause_has_passed_over_before_other_times_is_told(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute, cancellationToken);
        await control.PauseAsync(Id, "bob", "closing", until: null, cancellationToken);

        _store.Clock.Now = Noon.AddMinutes(2).AddSeconds(10);
        await control.PutAsync(OtherTimes, scopes: null, _ => true, cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:02:00 SKIPPED" }));
        Assert.That(await ReasonAsync(cancellationToken), Is.EqualTo("Paused by bob: closing. So it was of the 2 before."));
    }

    [Test]
    public async Task What_was_due_and_cannot_be_told_is_refused_before_other_times(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute, cancellationToken);
        await _store.Database.ExecuteAsync("update heimdall.schedule set timezone = 'Europe/Atlantis'", cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(10);
        await control.PutAsync(OtherTimes, scopes: null, _ => true, cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 REFUSED" }));
    }

    [Test]
    public async Task A_change_that_is_refused_decides_nothing(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute, cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(10);
        Assert.That(await control.PutAsync(OtherTimes, scopes: null, _ => false, cancellationToken), Is.Null);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.Empty);
    }

    [Test]
    public async Task What_was_due_after_a_pause_that_was_over_is_fired_by_a_late_resume(CancellationToken cancellationToken)
    {
        var control = await StartAsync(EveryMinute, cancellationToken);
        await control.PauseAsync(Id, "bob", "", Noon.AddMinutes(2), cancellationToken);

        _store.Clock.Now = Noon.AddMinutes(3).AddSeconds(10);
        await control.ResumeAsync(Id, cancellationToken);

        Assert.That(
            await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:01:00 SKIPPED", "12:02:00 SKIPPED", "12:03:00 FIRED" }));
        Assert.That(await ReasonAsync(cancellationToken), Is.EqualTo("Paused by bob. So it was of the 1 before."));
    }

    private async Task<ScheduleControl> StartAsync(ScheduleDefinition definition, CancellationToken cancellationToken) =>
        (await _store.StartAsync(definition, cancellationToken)).GetRequiredService<ScheduleControl>();

    /// <summary>Of the first run that was skipped.</summary>
    private Task<string> ReasonAsync(CancellationToken cancellationToken) => _store.Database.ScalarAsync<string>(
        "select reason from heimdall.schedule_run where outcome = 'SKIPPED' order by planned_at limit 1", cancellationToken);
}
