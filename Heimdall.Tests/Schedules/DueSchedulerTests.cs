using Hangfire;
using Hangfire.Server;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;
using RecurringJob = Heimdall.Core.Queue.RecurringJob;

namespace Heimdall.Tests.Schedules;

/// <summary>When a worker looks at Hangfire's set of schedules, and when it has Hangfire do what is due.</summary>
[CancelAfter(60_000)]
public sealed class DueSchedulerTests
{
    private ScheduleTestStore _store = null!;
    private IServiceProvider _process = null!;
    private StoreNotifications _notifications = null!;
    private DueChanges _changes = null!;
    private Called _called = null!;

    [SetUp]
    public async Task Create()
    {
        _store = await ScheduleTestStore.CreateAsync(ScheduleTestStore.Noon);
        _process = await _store.StartAsync(CancellationToken.None);
        _notifications = _process.GetRequiredService<StoreNotifications>();
        _changes = new DueChanges(_notifications);
        _called = new Called();
    }

    [TearDown]
    public async Task Dispose()
    {
        _changes.Dispose();
        _notifications.Dispose();
        await _store.DisposeAsync();
    }

    [TestCase(0)]
    [TestCase(-3600)]
    public void What_is_due_is_done_at_once(int due)
    {
        Add("due", due);

        Execute(EachSecond(), CancellationToken.None);

        Assert.That(_called.Count, Is.EqualTo(1));
    }

    [Test]
    public void What_is_due_soon_is_done_when_its_time_comes(CancellationToken cancellationToken)
    {
        var scheduler = EachSecond();
        Add("soon", 4);
        Execute(scheduler, cancellationToken);
        Assert.That(_called.Count, Is.Zero);

        _store.Clock.Now += TimeSpan.FromSeconds(4);
        Execute(scheduler, cancellationToken);

        Assert.That(_called.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task While_nothing_is_due_soon_it_waits_for_a_change(CancellationToken cancellationToken)
    {
        var scheduler = Make(TimeSpan.FromHours(1));
        _process.GetRequiredService<StoreReadiness>().SetReady();
        await _notifications.StartAsync(cancellationToken);
        _changes.Wait(Timeout.InfiniteTimeSpan, cancellationToken); // it listens

        var waiting = Task.Run(() => Execute(scheduler, cancellationToken), CancellationToken.None);
        Add("sooner", 0);
        await waiting; // by itself after hours
        Execute(scheduler, cancellationToken);

        Assert.That(_called.Count, Is.Positive);
        await _notifications.StopAsync(cancellationToken);
    }

    private DueScheduler EachSecond() => Make(TimeSpan.FromSeconds(1));

    private DueScheduler Make(TimeSpan interval) => new(
        RecurringJobs.AllKey, interval, _process.GetRequiredService<StoreClock>(), _called, _changes);

    private void Add(string id, int due) => Assert.That(
        _process.GetRequiredService<RecurringJobs>().TrySet(
            new RecurringJob(id, "* * * * *", "UTC", ScheduleTestStore.Noon.AddSeconds(due))),
        Is.Null);

    private void Execute(DueScheduler scheduler, CancellationToken cancellationToken) =>
        scheduler.Execute(new BackgroundProcessContext(
            "test", _process.GetRequiredService<JobStorage>(), new Dictionary<string, object>(), Guid.NewGuid(),
            cancellationToken, cancellationToken, cancellationToken));

    private sealed class Called : IBackgroundProcess
    {
        public int Count { get; private set; }

        public void Execute(BackgroundProcessContext context) => Count++;
    }
}
