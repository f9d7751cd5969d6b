using Heimdall.Core.Configuration;
using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>What becomes of the schedules of the configuration file, and of those made by PUT, when processes start.</summary>
[CancelAfter(60_000)]
public sealed class ScheduleSeedTests
{
    private static readonly DateTime Noon = new(2026, 5, 4, 12, 0, 0, DateTimeKind.Utc);

    private static readonly ScheduleConfig Nightly = new()
    {
        Name = "nightly", Cron = "0 3 * * *", CommandCriteria = ["type:postgres"], ClusterCriteria = ["data:local"], Context = new() { ["query"] = "select 1" },
    };

    private ScheduleTestStore _store = null!;

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(Noon);

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task What_leaves_the_file_leaves_Hangfire_and_what_was_put_stays(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly, Nightly with { Name = "weekly" });
        await process.GetRequiredService<ScheduleControl>().PutAsync(ScheduleDefinition.Of(Nightly with { Id = "mine" }), _ => true, cancellationToken);
        Assert.That(await ShownAsync(process, cancellationToken), Is.EquivalentTo(new[] { "nightly", "weekly", "mine" }));

        await _store.StartAsync(cancellationToken, Nightly);

        Assert.That(await ShownAsync(process, cancellationToken), Is.EquivalentTo(new[] { "nightly", "mine" }));
        var schedules = await process.GetRequiredService<ScheduleStore>().ListAsync(cancellationToken);
        Assert.That(schedules.Select(schedule => (schedule.Id, schedule.IsFromFile)), Is.EqualTo(new[] { ("mine", false), ("nightly", true) }));
    }

    [Test]
    public async Task An_edit_lives_until_the_file_says_something_else(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly);
        await process.GetRequiredService<ScheduleControl>().PutAsync(ScheduleDefinition.Of(Nightly with { Cron = "0 4 * * *" }), _ => true, cancellationToken);

        await _store.StartAsync(cancellationToken, Nightly);
        Assert.That((await FindAsync(process, cancellationToken)).Definition.Cron, Is.EqualTo("0 4 * * *"));

        await _store.StartAsync(cancellationToken, Nightly with { Description = "changed" });
        Assert.That((await FindAsync(process, cancellationToken)).Definition.Cron, Is.EqualTo("0 3 * * *"));
    }

    [Test]
    public async Task A_pause_lives_through_a_restart_and_a_changed_file(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly);
        await process.GetRequiredService<ScheduleControl>().PauseAsync("nightly", "bob", "closing", until: null, cancellationToken);

        await _store.StartAsync(cancellationToken, Nightly with { Cron = "0 5 * * *" });

        var schedule = await FindAsync(process, cancellationToken);
        Assert.That((schedule.Pause!.By, schedule.Pause.Reason, schedule.NextAt), Is.EqualTo(("bob", "closing", (DateTime?)null)));
        Assert.That(schedule.Definition.Cron, Is.EqualTo("0 5 * * *"));
    }

    [Test]
    public async Task What_was_missed_while_nothing_ran_is_not_forgotten_by_a_restart(CancellationToken cancellationToken)
    {
        await _store.StartAsync(cancellationToken, Nightly);

        _store.Clock.Now = Noon.AddDays(1);
        var process = await _store.StartAsync(cancellationToken, Nightly with { Description = "changed" });
        await process.GetRequiredService<ScheduleFirer>().FireDueAsync("nightly", cancellationToken);

        Assert.That(await _store.RunsAsync("nightly", cancellationToken), Is.EqualTo(new[] { "03:00:00 FIRED" }));
    }

    [Test]
    public async Task Other_times_count_from_when_they_are_said_and_what_was_due_before_is_decided(CancellationToken cancellationToken)
    {
        await _store.StartAsync(cancellationToken, Nightly);

        _store.Clock.Now = Noon.AddDays(1);
        var process = await _store.StartAsync(cancellationToken, Nightly with { Cron = "0 * * * *", Context = new() { ["query"] = "select 2" } });
        await process.GetRequiredService<ScheduleFirer>().FireDueAsync("nightly", cancellationToken);

        Assert.That(await _store.RunsAsync("nightly", cancellationToken), Is.EqualTo(new[] { "03:00:00 FIRED" }));
        Assert.That(await _store.Database.ScalarAsync<string>("select context ->> 'query' from heimdall.job", cancellationToken), Is.EqualTo("select 1"));
        Assert.That((await FindAsync(process, cancellationToken)).NextAt, Is.EqualTo(Noon.AddDays(1).AddHours(1)));
    }

    private static async Task<IEnumerable<string>> ShownAsync(IServiceProvider process, CancellationToken cancellationToken) =>
        (await process.GetRequiredService<RecurringJobs>().ListAsync(cancellationToken)).Select(job => job.Id);

    private static async Task<Schedule> FindAsync(IServiceProvider process, CancellationToken cancellationToken) =>
        (await process.GetRequiredService<ScheduleStore>().FindAsync("nightly", cancellationToken))!;
}
