using System.Globalization;
using Hangfire;
using Hangfire.Client;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.Storage;
using Heimdall.Core.Cron;
using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Hangfire's scheduler beside a schedule, through hours that its own parser gets wrong.</summary>
[CancelAfter(60_000)]
public sealed class ShownNextRunTests
{
    private const string Id = ScheduleTestStore.Id;

    [TestCase("0 * * * *", DayRule.And, "Europe/Dublin", "2027-03-27T22:30Z", "23 00 01 02 03")]
    [TestCase("0 * * * *", DayRule.And, "Europe/Dublin", "2027-10-30T22:30Z", "23 00 01 02 03")]
    [TestCase("0 * * * *", DayRule.And, "Africa/Casablanca", "2027-03-14T00:30Z", "01 02 03 04 05")]
    [TestCase("30 1 * * *", DayRule.And, "Europe/Dublin", "2027-03-27T22:30Z", "01")]
    [TestCase("30 2 * * *", DayRule.And, "Europe/Berlin", "2027-10-30T22:30Z", "00")]
    [TestCase("0 * 27 * MON", DayRule.Or, "UTC", "2027-03-27T21:30Z", "22 23")]
    [TestCase("H(0-0) * * * *", DayRule.And, "UTC", "2027-03-27T21:30Z", "22 23 00 01 02")]
    public async Task Hangfire_shows_the_next_run_that_comes(
        string cron, DayRule day, string timezone, string start, string hours, CancellationToken cancellationToken)
    {
        var clock = DateTimeOffset.Parse(start, CultureInfo.InvariantCulture).UtcDateTime;
        await using var store = await ScheduleTestStore.CreateAsync(clock);
        var process = await store.StartAsync(
            ScheduleTestStore.EveryMinute with { Cron = cron, Day = day, Timezone = timezone, Overlap = OverlapRule.Allow },
            cancellationToken);

        for (var halfHours = 1; halfHours <= 10; halfHours++)
        {
            store.Clock.Now = clock.AddMinutes(30 * halfHours);
            await Task.Run(() => ScheduleAsHangfire(process, store, cancellationToken), cancellationToken);
            await process.GetRequiredService<ScheduleFirer>().FireDueAsync(Id, cancellationToken);

            Assert.That(
                await store.Database.ScalarAsync<DateTime>(
                    "select to_timestamp(score) from hangfire.set where key = 'recurring-jobs' and value = $1", cancellationToken, Id),
                Is.EqualTo(await store.Database.ScalarAsync<DateTime>("select next_at from heimdall.schedule", cancellationToken)));
            using var connection = (JobStorageConnection)process.GetRequiredService<JobStorage>().GetConnection();
            Assert.That(
                JobHelper.DeserializeDateTime(connection.GetValueFromHash($"recurring-job:{Id}", "NextExecution")),
                Is.EqualTo(await store.Database.ScalarAsync<DateTime>("select next_at from heimdall.schedule", cancellationToken)));
        }

        var runs = await store.RunsAsync(Id, cancellationToken);
        Assert.That(runs, Has.All.EndsWith("FIRED"));
        Assert.That(string.Join(' ', runs.Select(run => run[..2])), Is.EqualTo(hours));
    }

    [Test]
    public async Task The_hour_of_a_day_rule_and_a_newline_are_kept(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);

        (await heimdall.SendAsync(HttpMethod.Put, $"/api/v1/schedule/{Id}", cancellationToken, new StringContent(
            """
            {"cron": "H 3 13 * FRI\n", "day": "or", "timezone": "Europe/Dublin", "starts_at": "2027-08-01T00:00:00Z",
             "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"], "context": {"query": "select 1"}}
            """,
            System.Text.Encoding.UTF8, "application/json"))).AssertStatus(201);
        var schedule = (await heimdall.GetAsync($"/api/v1/schedule/{Id}", cancellationToken)).AssertStatus(200);
        var next = (await heimdall.GetAsync($"/api/v1/schedule/{Id}/next?count=3", cancellationToken)).AssertStatus(200);
        var refused = await heimdall.SendAsync(HttpMethod.Put, $"/api/v1/schedule/{Id}", cancellationToken, new StringContent(
            """{"cron": "@noon", "day": "xor", "command_criteria": ["a"], "cluster_criteria": ["b"], "context": {"query": "select 1"}}""",
            System.Text.Encoding.UTF8, "application/json"));

        Assert.That((schedule["cron"], schedule["day"]), Is.EqualTo(("H 3 13 * FRI", "or")));
        Assert.That(
            next.Json.GetProperty("data").EnumerateArray().Select(run => run.GetProperty("local").GetString()![..14]),
            Is.EqualTo(new[] { "2027-08-06T03:", "2027-08-13T03:", "2027-08-20T03:" }));
        refused.AssertStatus(400);
        Assert.That(refused.Text, Does.Contain("@hourly").And.Contain("Must be one of and, or.").And.Not.Contain(".."));
    }

    /// <summary>It would decide by other times, and be silent where the schedule is due.</summary>
    [Test]
    public async Task An_older_process_cannot_read_a_schedule_whose_days_match_either(
        CancellationToken cancellationToken)
    {
        await using var store = await ScheduleTestStore.CreateAsync(ScheduleTestStore.Noon);
        var process = await store.StartAsync(
            ScheduleTestStore.EveryMinute with { Cron = "0 0 13 * FRI", Day = DayRule.Or }, cancellationToken);

        var cron = await store.Database.ScalarAsync<string>("select cron from heimdall.schedule", cancellationToken);
        var read = await process.GetRequiredService<ScheduleStore>().FindAsync(Id, cancellationToken);

        Assert.That(CronTimes.FindProblem(cron), Does.Contain("must be a cron expression"), "an older version reads less");
        Assert.That((read!.Definition.Cron, read.Definition.Day), Is.EqualTo(("0 0 13 * FRI", DayRule.Or)));
    }

    /// <summary>One look of Hangfire's scheduler, as a worker has it.</summary>
    private static void ScheduleAsHangfire(IServiceProvider process, ScheduleTestStore store, CancellationToken cancellationToken) =>
        new RecurringJobScheduler(
            new BackgroundJobFactory(process.GetRequiredService<IJobFilterProvider>()), TimeSpan.FromMilliseconds(1),
            process.GetRequiredService<SteadyZones>(), () => store.Clock.Now)
        .Execute(new BackgroundProcessContext(
            "test", process.GetRequiredService<JobStorage>(), new Dictionary<string, object>(), Guid.NewGuid(), cancellationToken,
            cancellationToken, cancellationToken));
}
