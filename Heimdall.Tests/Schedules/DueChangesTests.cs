using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>
/// A worker that has nothing to call for soon looks seldom. A schedule that another process makes, and that is due
/// sooner, is not late for that.
/// </summary>
[CancelAfter(60_000)]
public sealed class DueChangesTests
{
    private ScheduleTestStore _store = null!;
    private IServiceProvider _other = null!;
    private StoreNotifications _notifications = null!;
    private DueChanges _changes = null!;

    [SetUp]
    public async Task Listen()
    {
        _store = await ScheduleTestStore.CreateAsync(ScheduleTestStore.Noon);
        _other = await _store.StartAsync(CancellationToken.None);
        var worker = await _store.StartBesideAsync(CancellationToken.None);
        _notifications = worker.GetRequiredService<StoreNotifications>();
        _changes = new DueChanges(_notifications);
        worker.GetRequiredService<StoreReadiness>().SetReady();
        await _notifications.StartAsync(CancellationToken.None);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        _changes.Wait(Timeout.InfiniteTimeSpan, patience.Token); // it listens, and may have missed something
        patience.Token.ThrowIfCancellationRequested();
    }

    [TearDown]
    public async Task Stop()
    {
        await _notifications.StopAsync(CancellationToken.None);
        _notifications.Dispose();
        _changes.Dispose();
        await _store.DisposeAsync();
    }

    [Test]
    public async Task A_schedule_that_another_process_makes_is_heard_of(CancellationToken cancellationToken)
    {
        var heard = HearAsync(cancellationToken);

        await _other.GetRequiredService<ScheduleControl>().PutAsync(
            ScheduleTestStore.EveryMinute, scopes: null, _ => true, cancellationToken);

        await heard;
    }

    [Test]
    public async Task Many_that_are_added_together_are_heard_of(CancellationToken cancellationToken)
    {
        var heard = HearAsync(cancellationToken);

        var trouble = _other.GetRequiredService<RecurringJobs>().TryAddAll(
            [new RecurringJob("one", "* * * * *", "UTC", ScheduleTestStore.Noon)]);

        Assert.That(trouble, Is.Null);
        await heard;
    }

    private Task HearAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            _changes.Wait(Timeout.InfiniteTimeSpan, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
        },
        CancellationToken.None);
}
