using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>A schedule that cannot be fired, or a store that fails in the middle: it is told, and nothing else suffers.</summary>
[CancelAfter(60_000)]
public sealed class ScheduleTroubleTests
{
    private const string Id = ScheduleTestStore.Id;
    private const string Broken = "a-broken"; // comes before the other

    private static readonly DateTime Noon = ScheduleTestStore.Noon;

    private ScheduleTestStore _store = null!;

    [SetUp]
    public async Task Create() => _store = await ScheduleTestStore.CreateAsync(Noon.AddSeconds(-30));

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    public async Task A_store_that_fails_as_a_job_is_queued_is_known_for_what_it_is_and_nothing_is_written(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(ScheduleTestStore.EveryMinute, cancellationToken);
        _store.Clock.Now = Noon;
        await FailAsync("hangfire.job", "53100", cancellationToken);

        var full = await Assert.ThrowsAsync<PostgresException>(() => process.GetRequiredService<ScheduleFirer>().FireDueAsync(Id, cancellationToken));
        Assert.That((full!.SqlState, StoreRetry.IsAway(full)), Is.EqualTo(("53100", true)));
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.Empty);
        var ended = await Assert.ThrowsAsync<JobEndedBadlyException>(() => TickerOf(process).TickAsync(Id, cancellationToken));
        Assert.That(ended!.Message, Does.StartWith("The store is away."));

        await MendAsync("hangfire.job", cancellationToken);
        await TickerOf(process).TickAsync(Id, cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED" }));
    }

    [Test]
    public async Task A_cluster_that_does_not_answer_just_now_costs_the_clock_no_run(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(ScheduleTestStore.EveryMinute with { Overlap = OverlapRule.Allow }, cancellationToken);
        var cluster = process.GetRequiredService<LiveCatalog>().Current.Clusters.Single();
        process.GetRequiredService<ClusterHealthBoard>().Set(cluster.Id, new ClusterHealth(Healthy: false, "away",
            TimeSpan.Zero, Noon, []));

        await _store.FireAtAsync(process, Noon, cancellationToken);
        var asked = await process.GetRequiredService<ScheduleControl>().TriggerAsync(Id, "carol", cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Does.Contain("12:00:00 FIRED"));
        Assert.That((asked!.Outcome, asked.Reason), Is.EqualTo((RunOutcome.Refused, "The clusters that match did not answer their last health check: [local].")));
    }

    [TestCase("SUCCEEDED", null)]
    [TestCase("FAILED", ScheduleTroubleKind.Failing)]
    [TestCase("REFUSED", ScheduleTroubleKind.Unroutable)]
    public async Task A_refusal_by_hand_that_the_clock_would_not_meet_hides_no_run_before_it(
        string end, ScheduleTroubleKind? expected, CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(ScheduleTestStore.EveryMinute, cancellationToken);
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);
        await _store.Database.ExecuteAsync(
            end == "REFUSED"
                ? "update heimdall.schedule_run set outcome = 'REFUSED', reason = 'It was refused.', job_id = null"
                : $"update heimdall.job set status = '{end}'",
            cancellationToken);
        var cluster = process.GetRequiredService<LiveCatalog>().Current.Clusters.Single();
        process.GetRequiredService<ClusterHealthBoard>().Set(
            cluster.Id, new ClusterHealth(Healthy: false, "away", TimeSpan.Zero, Noon, []));
        _store.Clock.Now = Noon.AddSeconds(20);
        var asked = await process.GetRequiredService<ScheduleControl>().TriggerAsync(Id, "carol", cancellationToken);

        var troubles = await process.GetRequiredService<ScheduleTroubles>().FindAsync(cancellationToken);

        Assert.That(asked!.Outcome, Is.EqualTo(RunOutcome.Refused));
        Assert.That(
            troubles.Select(trouble => (trouble.Kind, trouble.At)),
            Is.EqualTo(expected is { } kind ? new[] { (kind, Noon) } : []));
    }

    [Test]
    public async Task A_refusal_by_hand_that_the_clock_would_meet_too_is_a_trouble(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(
            ScheduleTestStore.EveryMinute with { ClusterCriteria = ["data:of-nobody"] }, cancellationToken);
        await process.GetRequiredService<ScheduleControl>().TriggerAsync(Id, "carol", cancellationToken);

        var trouble = (await process.GetRequiredService<ScheduleTroubles>().FindAsync(cancellationToken)).Single();

        Assert.That(trouble.Kind, Is.EqualTo(ScheduleTroubleKind.Unroutable));
        Assert.That(trouble.Said, Does.Contain("data:of-nobody"));
    }

    [Test]
    public async Task One_that_cannot_be_written_keeps_no_other_from_being_fired(CancellationToken cancellationToken)
    {
        var process = await StartBothAsync(cancellationToken);
        await FailAsync("heimdall.schedule_run", "P0001", cancellationToken, $"when (new.schedule = '{Broken}')");
        _store.Clock.Now = Noon.AddSeconds(10);

        await UpkeepOf(process).FireForgottenAsync(cancellationToken);

        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED" }));
        Assert.That(await _store.RunsAsync(Broken, cancellationToken), Is.Empty);
        var ended = await Assert.ThrowsAsync<JobEndedBadlyException>(() => TickerOf(process).TickAsync(Broken, cancellationToken));
        Assert.That(ended!.Message, Does.Contain("log").And.Not.Contain("P0001"));
    }

    [TestCase("timezone = 'Europe/Atlantis'", "Its timezone 'Europe/Atlantis' must be the IANA name")]
    [TestCase("cron = 'at noon'", "Its cron 'at noon' must be a cron expression")]
    public async Task One_whose_times_cannot_be_told_is_refused_once_and_goes_on_when_they_can(string change, string reason, CancellationToken cancellationToken)
    {
        var process = await StartBothAsync(cancellationToken);
        var before = await _store.Database.ScalarAsync<string>($"select format('cron = %L, timezone = %L', cron, timezone) from heimdall.schedule where id = '{Broken}'", cancellationToken);
        await _store.Database.ExecuteAsync($"update heimdall.schedule set {change} where id = '{Broken}'", cancellationToken);

        _store.Clock.Now = Noon.AddSeconds(10);
        await UpkeepOf(process).FireForgottenAsync(cancellationToken);
        Assert.That(await _store.RunsAsync(Broken, cancellationToken), Is.Empty, "another machine may know them");
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(new[] { "12:00:00 FIRED" }));
        var ended = await Assert.ThrowsAsync<JobEndedBadlyException>(() => TickerOf(process).TickAsync(Broken, cancellationToken));
        Assert.That(ended!.Message, Does.StartWith(reason));

        _store.Clock.Now = Noon.AddSeconds(70);
        await UpkeepOf(process).FireForgottenAsync(cancellationToken);
        await UpkeepOf(process).FireForgottenAsync(cancellationToken);
        Assert.That(await _store.RunsAsync(Broken, cancellationToken), Is.EqualTo(new[] { "12:00:00 REFUSED" }));
        Assert.That(
            await _store.Database.ScalarAsync<string>("select reason from heimdall.schedule_run where outcome = 'REFUSED'", cancellationToken), Does.Contain(reason));

        await _store.Database.ExecuteAsync($"update heimdall.schedule set {before} where id = '{Broken}'", cancellationToken);
        await UpkeepOf(process).FireForgottenAsync(cancellationToken);
        Assert.That(await _store.RunsAsync(Broken, cancellationToken), Is.EqualTo(new[] { "12:00:00 REFUSED", "12:01:00 FIRED" }));
    }

    [Test]
    public async Task One_with_a_rule_of_a_newer_version_is_left_to_that(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(
            ScheduleTestStore.EveryMinute with { Overlap = OverlapRule.Queue }, cancellationToken);
        await _store.FireAtAsync(process, Noon, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(1), cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);
        await _store.Database.ExecuteAsync(
            "alter table heimdall.schedule drop constraint schedule_overlap_check", cancellationToken);
        await _store.Database.ExecuteAsync("update heimdall.schedule set overlap = 'merge'", cancellationToken);
        string[] before = ["12:00:00 FIRED", "12:01:00 WAITING"];

        await _store.FireAtAsync(process, Noon.AddMinutes(10), cancellationToken);
        Assert.That(await _store.RunsAsync(Id, cancellationToken), Is.EqualTo(before));
        var asked = await process.GetRequiredService<ScheduleControl>().TriggerAsync(Id, "carol", cancellationToken);

        Assert.That((asked!.Outcome, asked.Reason), Is.EqualTo((RunOutcome.Skipped,
            "Its rule 'overlap: merge' is of a newer version of Heimdall. Ask a process of that version.")));
        Assert.That(
            await _store.RunsAsync(Id, cancellationToken),
            Is.EqualTo(before.Append("12:10:00 SKIPPED by carol").ToArray()));
    }

    [Test]
    public async Task One_whose_times_cannot_be_told_can_be_triggered_paused_and_mended(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(ScheduleTestStore.EveryMinute, cancellationToken);
        var control = process.GetRequiredService<ScheduleControl>();
        await _store.Database.ExecuteAsync("update heimdall.schedule set timezone = 'Europe/Atlantis'", cancellationToken);
        _store.Clock.Now = Noon.AddSeconds(10);

        Assert.That((await control.TriggerAsync(Id, "carol", cancellationToken))!.Outcome, Is.EqualTo(RunOutcome.Fired));
        Assert.That((await control.PauseAsync(Id, "bob", "", until: null, cancellationToken))!.NextAt, Is.Null);
        Assert.That((await control.ResumeAsync(Id, cancellationToken))!.Pause, Is.Null);
        _store.Clock.Now = Noon.AddSeconds(130);
        await control.PutAsync(ScheduleTestStore.EveryMinute, scopes: null, _ => true, cancellationToken);
        await _store.EndJobsAsync(Id, cancellationToken);
        await _store.FireAtAsync(process, Noon.AddMinutes(3), cancellationToken);

        Assert.That((await _store.RunsAsync(Id, cancellationToken))[^1], Is.EqualTo("12:03:00 FIRED"));
    }

    [Test]
    public async Task One_that_Hangfire_cannot_show_keeps_no_other_from_being_shown(CancellationToken cancellationToken)
    {
        var process = await StartBothAsync(cancellationToken);
        var recurring = process.GetRequiredService<RecurringJobs>();
        await _store.Database.ExecuteAsync($"update heimdall.schedule set timezone = 'Europe/Atlantis' where id = '{Broken}'", cancellationToken);
        recurring.TryRemove(Id);

        await process.GetRequiredService<ScheduleMirror>().RepairAsync(cancellationToken);

        Assert.That((await recurring.ListAsync(cancellationToken)).Select(job => job.Id), Does.Contain(Id));
    }

    [Test]
    public async Task One_whose_plugin_is_not_there_is_refused_and_says_so(CancellationToken cancellationToken)
    {
        await _store.StartAsync(ScheduleTestStore.EveryMinute, cancellationToken);
        await _store.Database.ExecuteAsync("update heimdall.command set plugin = 'oracle'", cancellationToken);
        var process = await _store.StartAsync(cancellationToken);

        await _store.FireAtAsync(process, Noon, cancellationToken);

        Assert.That(
            await _store.Database.ScalarAsync<string>("select outcome || ': ' || reason from heimdall.schedule_run", cancellationToken),
            Is.EqualTo("REFUSED: Plugin 'oracle' is not part of this process."));
    }

    private async Task<IServiceProvider> StartBothAsync(CancellationToken cancellationToken)
    {
        var process = await _store.StartAsync(ScheduleTestStore.EveryMinute, cancellationToken);
        await process.GetRequiredService<ScheduleControl>().PutAsync(ScheduleTestStore.EveryMinute with { Id = Broken }, scopes: null, _ => true, cancellationToken);
        return process;
    }

    private static ScheduleUpkeep UpkeepOf(IServiceProvider process) =>
        ActivatorUtilities.CreateInstance<ScheduleUpkeep>(process);

    private static ScheduleTicker TickerOf(IServiceProvider process) => ActivatorUtilities.CreateInstance<ScheduleTicker>(process);

    /// <summary>Has the store fail whoever inserts into a table, with an error of its server's.</summary>
    private Task FailAsync(string table, string sqlState, CancellationToken cancellationToken, string when = "") => _store.Database.ExecuteAsync(
        $"""
        create function fail() returns trigger language plpgsql as $$ begin raise exception 'a failure' using errcode = '{sqlState}'; end $$;
        create trigger fail before insert on {table} for each row {when} execute function fail();
        """,
        cancellationToken);

    private Task MendAsync(string table, CancellationToken cancellationToken) =>
        _store.Database.ExecuteAsync($"drop trigger fail on {table}; drop function fail()", cancellationToken);
}
