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
}
