using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
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

    private static string HashOf(string json) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(json.Replace("\n", "", StringComparison.Ordinal))));

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(Noon);

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task What_leaves_the_file_leaves_Hangfire_and_what_was_put_stays(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly, Nightly with { Name = "weekly" });
        await process.GetRequiredService<ScheduleControl>().PutAsync(ScheduleDefinition.Of(Nightly with { Id = "mine" }), scopes: null, _ => true, cancellationToken);
        Assert.That(await ShownAsync(process, cancellationToken), Is.EquivalentTo(new[] { "nightly", "weekly", "mine" }));

        await _store.StartAsync(cancellationToken, Nightly);

        Assert.That(await ShownAsync(process, cancellationToken), Is.EquivalentTo(new[] { "nightly", "mine" }));
        var schedules = await process.GetRequiredService<ScheduleStore>().ListAsync(cancellationToken);
        Assert.That(schedules.Select(schedule => (schedule.Id, schedule.IsFromFile)), Is.EqualTo(new[] { ("mine", false), ("nightly", true) }));
    }

    [Test]
    public async Task Many_are_shown_by_Hangfire_as_each_would_be_alone(CancellationToken cancellationToken)
    {
        var alone = Nightly with { Name = "a.b-c_0", Timezone = "Europe/Berlin" };
        const string FieldsSql = """
            select field || ' = ' || replace(value, $1, 'ID') from hangfire.hash
            where key = 'recurring-job:' || $1 and field <> 'CreatedAt' order by field
            """;
        await _store.StartAsync(cancellationToken, alone);
        var expected = await _store.Database.ColumnAsync<string>(FieldsSql, cancellationToken, alone.Name);

        var many = Enumerable.Range(1, 60).Select(n => alone with { Name = $"a.b-c_{n}" }).ToArray();
        var process = await _store.StartAsync(cancellationToken, [alone, .. many]);

        Assert.That(expected, Has.Count.AtLeast(5));
        Assert.That(
            await _store.Database.ColumnAsync<string>(FieldsSql, cancellationToken, "a.b-c_60"), Is.EqualTo(expected));
        Assert.That(await ShownAsync(process, cancellationToken), Has.Exactly(61).Items, "and nothing else");
        Assert.That(
            await _store.Database.ColumnAsync<double>(
                "select distinct score from hangfire.set where key = 'recurring-jobs'", cancellationToken),
            Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_edit_lives_until_the_file_says_something_else(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly);
        await process.GetRequiredService<ScheduleControl>().PutAsync(ScheduleDefinition.Of(Nightly with { Cron = "0 4 * * *" }), scopes: null, _ => true, cancellationToken);

        await _store.StartAsync(cancellationToken, Nightly);
        Assert.That((await FindAsync(process, cancellationToken)).Definition.Cron, Is.EqualTo("0 4 * * *"));

        await _store.StartAsync(cancellationToken, Nightly with { Description = "changed" });
        Assert.That((await FindAsync(process, cancellationToken)).Definition.Cron, Is.EqualTo("0 3 * * *"));
    }

    /// <summary>With another seed, a new version would undo all edits, and an old one would undo them again.</summary>
    [Test]
    public void The_seeds_of_an_unchanged_file_are_those_of_earlier_versions()
    {
        var schedule = """
            {"Id":"nightly","Name":"nightly","Version":"","Description":"","Cron":"0 3 * * *","Timezone":"UTC",
            "Misfire":1,"MaxLateness":null,"Overlap":1,"StartsAt":null,"EndsAt":null,"User":"schedule","Tags":[],
            "CommandCriteria":["type:postgres"],"ClusterCriteria":["data:local"],"Context":{"query":"select 1"}}
            """;
        var command = """
            {"Id":"c","Name":"c","Version":"1","Description":"","Status":0,"Plugin":"postgres","Tags":[],
            "ClusterTags":[],"AllowedCallers":[],"MaxAttempts":1,"Idempotent":false,"Context":{},
            "CreatedAt":"0001-01-01T00:00:00","UpdatedAt":"0001-01-01T00:00:00"}
            """;
        var cluster = """
            {"Id":"c","Name":"c","Version":"1","Description":"","Status":0,"Tags":[],"Weight":1,
            "CreatedAt":"0001-01-01T00:00:00","UpdatedAt":"0001-01-01T00:00:00"}
            """;

        Assert.That(
            ScheduleSeed.SeedOf(ScheduleDefinition.Of(Nightly) with { User = "schedule" }),
            Is.EqualTo(HashOf(schedule)));
        Assert.That(
            CatalogSeed.SeedOf(new Command { Id = "c", Name = "c", Version = "1", Plugin = "postgres" }),
            Is.EqualTo(HashOf(command)));
        Assert.That(
            CatalogSeed.SeedOf(new Cluster { Id = "c", Name = "c", Version = "1" }), Is.EqualTo(HashOf(cluster)));
    }

    [Test]
    public async Task Migrating_alone_changes_no_command_cluster_or_schedule(CancellationToken cancellationToken)
    {
        await _store.StartAsync(cancellationToken, Nightly);
        await _store.Database.ExecuteAsync(
            "update heimdall.command set id = 'older'; update heimdall.cluster set id = 'older'", cancellationToken);
        await using var process = ScheduleTestStore.Build(_store.Database, _store.Clock); // its file has no schedule
        using var startup = ActivatorUtilities.CreateInstance<StoreStartup>(process);

        Assert.That(await startup.MigrateAsync(cancellationToken), Is.Null);

        Assert.That(
            await _store.Database.ColumnAsync<string>(
                "select id from heimdall.command union all select id from heimdall.cluster union all "
                + "select id from heimdall.schedule where removed_at is null",
                cancellationToken),
            Is.EquivalentTo(["older", "older", "nightly"]));
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

    [Test]
    public async Task What_left_the_file_of_one_process_comes_back_by_another_as_it_was(CancellationToken cancellationToken)
    {
        var hourly = Nightly with { Cron = "0 * * * *", Overlap = "queue" };
        var process = await _store.StartAsync(cancellationToken, hourly);
        var control = process.GetRequiredService<ScheduleControl>();
        var firer = process.GetRequiredService<ScheduleFirer>();
        _store.Clock.Now = Noon.AddHours(2);
        await firer.FireDueAsync("nightly", cancellationToken); // 13:00 is made up for by 14:00
        await control.TriggerAsync("nightly", "carol", cancellationToken);
        await control.PauseAsync("nightly", "bob", "closing", until: null, cancellationToken);

        var older = await _store.StartAsync(cancellationToken);
        await _store.EndJobsAsync("nightly", cancellationToken);
        _store.Clock.Now = Noon.AddHours(4);
        Assert.That(await process.GetRequiredService<ScheduleStore>().FindAsync("nightly", cancellationToken), Is.Null);
        Assert.That(await control.TriggerAsync("nightly", "carol", cancellationToken), Is.Null);
        Assert.That(await ShownAsync(older, cancellationToken), Is.Empty);
        Assert.That(await ScheduleTestStore.ForgottenAsync(older, cancellationToken), Is.Empty);

        await _store.StartAsync(cancellationToken, hourly);
        var back = await FindAsync(process, cancellationToken);
        Assert.That((back.Pause?.By, back.IsFromFile, back.DecidedUntil), Is.EqualTo(("bob", true, Noon.AddHours(4))));
        Assert.That(
            await _store.RunsAsync("nightly", cancellationToken),
            Is.EqualTo(new[] { "13:00:00 SKIPPED", "14:00:00 FIRED", "14:00:00 SKIPPED by carol", "16:00:00 SKIPPED" }));
        Assert.That(
            await _store.Database.ScalarAsync<string>("select reason from heimdall.schedule_run order by planned_at desc limit 1", cancellationToken),
            Is.EqualTo("Its schedule had left the configuration file. So it was of the 1 before."));
        await control.ResumeAsync("nightly", cancellationToken);
        Assert.That((await FindAsync(process, cancellationToken)).NextAt, Is.EqualTo(Noon.AddHours(5)));
        Assert.That(await ShownAsync(process, cancellationToken), Is.EqualTo(new[] { "nightly" }));
    }

    [Test]
    public async Task What_was_due_before_its_schedule_left_the_file_is_fired(CancellationToken cancellationToken)
    {
        var hourly = Nightly with { Cron = "0 * * * *" };
        await _store.StartAsync(cancellationToken, hourly);

        _store.Clock.Now = Noon.AddHours(1).AddSeconds(10);
        await _store.StartAsync(cancellationToken);
        await _store.StartAsync(cancellationToken, hourly);

        Assert.That(await _store.RunsAsync("nightly", cancellationToken), Is.EqualTo(new[] { "13:00:00 FIRED" }));
    }

    [Test]
    public async Task Who_puts_one_that_left_the_file_makes_a_new_one(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly);
        var control = process.GetRequiredService<ScheduleControl>();
        await control.PauseAsync("nightly", "bob", "", until: null, cancellationToken);
        await _store.StartAsync(cancellationToken);

        var put = await control.PutAsync(ScheduleDefinition.Of(Nightly), scopes: null, was => was is null,
            cancellationToken);

        Assert.That((put!.Value.IsNew, put.Value.Schedule.Pause, put.Value.Schedule.IsFromFile), Is.EqualTo((true, (SchedulePause?)null, false)));
    }

    [Test]
    public async Task One_made_by_PUT_is_taken_over_by_the_file_with_its_pause_and_history(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await control.PutAsync(ScheduleDefinition.Of(Nightly with { Cron = "0 * * * *" }), scopes: null, _ => true,
            cancellationToken);
        await control.TriggerAsync("nightly", "carol", cancellationToken);
        await control.PauseAsync("nightly", "bob", "", until: null, cancellationToken);

        await _store.StartAsync(cancellationToken, Nightly);

        var schedule = await FindAsync(process, cancellationToken);
        Assert.That((schedule.IsFromFile, schedule.Definition.Cron, schedule.Pause?.By), Is.EqualTo((true, "0 3 * * *", "bob")));
        Assert.That(await _store.RunsAsync("nightly", cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED by carol" }));
    }

    [Test]
    public async Task What_an_older_file_lacks_stays_while_a_process_lives_that_has_it(
        CancellationToken cancellationToken)
    {
        var newer = await _store.StartAsync(cancellationToken, Nightly);
        var older = await _store.StartBesideAsync(cancellationToken);
        var removed = older.GetRequiredService<RemovedSchedules>();
        Assert.That(await ShownAsync(older, cancellationToken), Is.EqualTo(new[] { "nightly" }));

        // As after an outage of the store, in which nobody could record that they live.
        await _store.Database.ExecuteAsync(
            "update heimdall.worker set seen_at = seen_at - interval '3 minutes'", cancellationToken);
        await removed.FollowFilesAsync(cancellationToken);
        Assert.That(await ShownAsync(older, cancellationToken), Is.EqualTo(new[] { "nightly" }));

        // As while its process is restarted.
        await newer.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        await removed.FollowFilesAsync(cancellationToken);
        Assert.That(await ShownAsync(older, cancellationToken), Is.EqualTo(new[] { "nightly" }));

        await _store.PassTimeAsync(cancellationToken);
        await _store.Database.ExecuteAsync(
            "update heimdall.worker set seen_at = now() where gone_at is null", cancellationToken);
        await removed.FollowFilesAsync(cancellationToken);
        Assert.That(await ShownAsync(older, cancellationToken), Is.Empty);
    }

    [Test]
    public async Task The_first_process_after_a_long_stop_of_all_takes_nothing_from_those_that_follow(
        CancellationToken cancellationToken)
    {
        var before = await _store.StartAsync(cancellationToken, Nightly);
        await before.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        await _store.PassTimeAsync(cancellationToken);

        var first = await _store.StartBesideAsync(cancellationToken);
        await first.GetRequiredService<RemovedSchedules>().FollowFilesAsync(cancellationToken);
        Assert.That(await ShownAsync(first, cancellationToken), Is.EqualTo(new[] { "nightly" }));

        await _store.PassTimeAsync(cancellationToken);
        await _store.StartBesideAsync(cancellationToken);
        Assert.That(
            await ShownAsync(first, cancellationToken), Is.EqualTo(new[] { "nightly" }), "a start takes nothing out");
        await first.GetRequiredService<RemovedSchedules>().FollowFilesAsync(cancellationToken);
        Assert.That(await ShownAsync(first, cancellationToken), Is.Empty);
    }

    [Test]
    public async Task Nothing_is_removed_while_a_process_lives_that_does_not_write_what_its_file_has(
        CancellationToken cancellationToken)
    {
        await _store.StartAsync(cancellationToken, Nightly);
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.worker (id, name, clusters, commands, concurrency)
            values (gen_random_uuid(), 'of an older version', '{}', '{}', 1)
            """,
            cancellationToken);

        var process = await _store.StartAsync(cancellationToken);

        Assert.That(await ShownAsync(process, cancellationToken), Is.EqualTo(new[] { "nightly" }));
    }

    [Test]
    public async Task What_an_older_version_has_removed_comes_back_and_is_made_up_for(
        CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(cancellationToken, Nightly with { Cron = "0 * * * *" });
        await process.GetRequiredService<ScheduleControl>().TakeOutAsync("nightly", cancellationToken);
        _store.Clock.Now = Noon.AddHours(1).AddSeconds(10);

        await process.GetRequiredService<RemovedSchedules>().FollowFilesAsync(cancellationToken);
        await process.GetRequiredService<ScheduleFirer>().FireDueAsync("nightly", cancellationToken);

        Assert.That(await _store.RunsAsync("nightly", cancellationToken), Is.EqualTo(new[] { "13:00:00 FIRED" }));
        Assert.That((await FindAsync(process, cancellationToken)).NextAt, Is.EqualTo(Noon.AddHours(2)));
    }

    [Test]
    public async Task Schedules_with_many_runs_that_wait_hide_no_others(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(
            cancellationToken,
            [.. Enumerable.Range(10, 12).Select(n => Nightly with { Name = $"busy-{n}", Overlap = "queue" })]);
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.schedule_run (id, schedule, planned_at, outcome, decided_at)
            select gen_random_uuid(), schedule.id, schedule.decided_until - n * interval '1 minute', 'WAITING', now()
            from heimdall.schedule cross join generate_series(1, 100) n
            """,
            cancellationToken);

        Assert.That(await ScheduleTestStore.ForgottenAsync(process, cancellationToken), Has.Count.EqualTo(12));
    }

    [Test]
    public async Task What_left_the_file_long_ago_is_forgotten(CancellationToken cancellationToken)
    {
        await _store.StartAsync(cancellationToken, Nightly);
        var process = await _store.StartAsync(cancellationToken);
        var upkeep = process.GetRequiredService<ScheduleUpkeep>();
        Task<long> CountAsync() => _store.Database.ScalarAsync<long>("select count(*) from heimdall.schedule", cancellationToken);

        _store.Clock.Now = Noon.AddDays(30);
        Assert.That(await upkeep.ForgetAsync(cancellationToken), Is.Zero);
        Assert.That(await CountAsync(), Is.EqualTo(1));
        _store.Clock.Now = Noon.AddDays(30).AddSeconds(1);
        Assert.That(await upkeep.ForgetAsync(cancellationToken), Is.EqualTo(1));
        Assert.That(await CountAsync(), Is.Zero);
    }

    private static async Task<IEnumerable<string>> ShownAsync(IServiceProvider process, CancellationToken cancellationToken) =>
        (await process.GetRequiredService<RecurringJobs>().ListAsync(cancellationToken)).Select(job => job.Id);

    private static async Task<Schedule> FindAsync(IServiceProvider process, CancellationToken cancellationToken) =>
        (await process.GetRequiredService<ScheduleStore>().FindAsync("nightly", cancellationToken))!;
}
