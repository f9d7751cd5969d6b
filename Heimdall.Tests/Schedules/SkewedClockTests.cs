using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Processes whose clocks are wrong: they say so, and what is due is decided by the store's clock.</summary>
[CancelAfter(180_000)]
public sealed class SkewedClockTests() : RealProcessTests(processes: 1)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Create() => _heimdall = await HeimdallInstance.CreateAsync();

    [TearDown]
    public async Task Dispose() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_worker_a_day_ahead_fires_nothing_early_and_leaves_no_silence_when_it_is_killed(CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        await PutAsync("secondly", "* * * * * *", cancellationToken);
        var later = DateTime.UtcNow.AddHours(12); // for a clock that is a day ahead it is due
        await PutAsync("later", FormattableString.Invariant($"{later.Minute} {later.Hour} * * *"), cancellationToken);
        var due = await NextAsync("later", cancellationToken);
        var fast = _heimdall.StartWorkerProcess(await SkewedProcess.VariablesAsync(
            Day, Path.GetDirectoryName(_heimdall.ConfigFile)!, cancellationToken));

        await WaitForRunsAsync(3, cancellationToken);
        await Eventually.Becomes(
            () => Task.FromResult(fast.ReadLog()),
            () => Does.Match("the clock of this process is 8[0-9]{4}\\.[0-9] s ahead of the store's"), cancellationToken);
        await fast.KillAsync(cancellationToken);
        var before = await CountAsync(cancellationToken);
        await _heimdall.StartWorkerAsync();

        await WaitForRunsAsync(before + 3, cancellationToken);
        await AssertNoneEarlyAsync(cancellationToken);
        Assert.That(await NextAsync("later", cancellationToken), Is.EqualTo(due));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.schedule_run where schedule = 'later'", cancellationToken),
            Is.Zero);
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                """
                select score between extract(epoch from now() - interval '1 minute') and extract(epoch from now() + interval '1 minute')
                from hangfire.set where key = 'recurring-jobs' and value = 'secondly'
                """,
                cancellationToken),
            cancellationToken);
    }

    [Test]
    public async Task Hangfire_calls_for_what_a_process_a_day_ahead_has_made(CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        await PutAsync("secondly", "* * * * * *", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            update hangfire.hash set value = to_char(now() + interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS.US"0Z"')
            where key = 'recurring-job:secondly' and field in ('CreatedAt', 'NextExecution');
            update hangfire.set set score = extract(epoch from now() + interval '1 day')
            where key = 'recurring-jobs' and value = 'secondly'
            """,
            cancellationToken);

        await _heimdall.StartWorkerAsync();

        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                """
                select count(*) > 3 from hangfire.job
                where statename = 'Succeeded' and invocationdata::text like '%TickAsync%'
                """,
                cancellationToken),
            cancellationToken, TimeSpan.FromSeconds(60));
    }

    [Test]
    public async Task A_worker_a_day_behind_fires_in_time(CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        await _heimdall.StartWorkerAsync(new SkewedClock(-Day));

        await PutAsync("secondly", "* * * * * *", cancellationToken);

        await WaitForRunsAsync(3, cancellationToken);
        await AssertNoneEarlyAsync(cancellationToken);
        Assert.That(
            await _heimdall.Store.ScalarAsync<bool>(
                "select bool_and(decided_at - planned_at < interval '1 hour') from heimdall.schedule_run", cancellationToken),
            Is.True);
    }

    [Test]
    public async Task An_API_with_a_wrong_clock_says_so_and_takes_what_the_store_finds_right(CancellationToken cancellationToken)
    {
        var skews = new List<double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (instrument.Meter.Name == "Heimdall" && instrument.Name == "heimdall.clock.skew")
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, skew, _, _) => skews.Add(skew));
        listener.Start();
        await _heimdall.StartApiAsync(new SkewedClock(Day));
        await _heimdall.StartWorkerAsync();

        var ready = await _heimdall.GetAsync("/readyz", cancellationToken);
        ready.AssertStatus(200);
        Assert.That(ready.Text, Does.Match("^ready\nthe clock of this process is 86[0-9]{3}\\.[0-9] s ahead of the store's\n$"));
        listener.RecordObservableInstruments();
        Assert.That(skews, Has.Some.EqualTo(Day.TotalSeconds).Within(60));

        // In the future by the store's clock, and in the past by that of the API.
        var soon = DateTime.UtcNow.AddHours(1);
        await PutAsync("hourly", "0 * * * *", cancellationToken);
        (await PostAsync("schedule/hourly/pause", new { until = soon }, cancellationToken)).AssertStatus(200);
        (await PostAsync("queue/pause", new { until = soon }, cancellationToken)).AssertStatus(200);
        (await PostAsync("queue/resume", new { }, cancellationToken)).AssertStatus(200);
        var job = (await SubmitAsync(new { start_before = soon }, cancellationToken)).AssertStatus(202);
        Assert.That((await _heimdall.WaitForEndAsync(job.Id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
        (await _heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken)).AssertStatus(200);
        // Taken in its turn: its id, by which jobs of one caller stand in line, is of the store's time.
        Assert.That(TimeOf(job.Id), Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(10)));
    }

    [Test]
    public async Task A_lock_of_a_dead_process_with_a_fast_clock_is_not_waited_for(CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        await _heimdall.Store.ExecuteAsync(
            "insert into hangfire.lock (resource, acquired) values ('hangfire:recurring-jobs:lock', now() + interval '1 day')",
            cancellationToken);
        await _heimdall.StartWorkerAsync();

        await PutAsync("secondly", "* * * * * *", cancellationToken);

        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                "select exists (select from hangfire.job where statename = 'Succeeded' and invocationdata::text like '%TickAsync%')",
                cancellationToken),
            cancellationToken);
    }

    [Test]
    public void A_clock_that_agrees_within_two_seconds_is_right()
    {
        var process = new ManualClock(new DateTime(2026, 5, 4, 12, 0, 0, DateTimeKind.Utc));
        using var clock = new StoreClock(process);
        Assert.That((clock.FindProblem(), clock.Now), Is.EqualTo(((string?)null, process.Now)), "it was not asked yet");

        clock.Set(clock.GetTimestamp(), process.Now.AddSeconds(-1.9));
        Assert.That((clock.FindProblem(), clock.Now), Is.EqualTo(((string?)null, process.Now.AddSeconds(-1.9))));

        clock.Set(clock.GetTimestamp(), process.Now.AddSeconds(2.1));
        Assert.That(clock.FindProblem(), Is.EqualTo("the clock of this process is 2.1 s behind the store's"));

        var asked = clock.GetTimestamp();
        process.Now += TimeSpan.FromSeconds(4); // the answer takes so long: the store's clock is known within 2 s
        clock.Set(asked, process.Now.AddSeconds(-5));
        Assert.That(clock.FindProblem(), Is.Null);
        Assert.That(clock.Now - clock.Earliest, Is.EqualTo(TimeSpan.FromSeconds(2)));
    }

    [TestCase("12:00:00", 1, "12:00:01")]
    [TestCase("12:00:00.25", 1, "12:00:01")]
    [TestCase("12:00:00.9999", 1, "12:00:01")]
    [TestCase("12:00:03.5", 5, "12:00:05")]
    public void What_is_due_at_a_second_is_looked_for_when_it_begins(string now, int interval, string look)
    {
        var day = new DateTime(2026, 5, 4, 0, 0, 0, DateTimeKind.Utc);
        var time = day + TimeSpan.Parse(now, CultureInfo.InvariantCulture);

        var wait = DueScheduler.UntilNext(time, TimeSpan.FromSeconds(interval));

        Assert.That(time + wait, Is.EqualTo(day + TimeSpan.Parse(look, CultureInfo.InvariantCulture)));
    }

    private async Task PutAsync(string id, string cron, CancellationToken cancellationToken)
    {
        var body = new
        {
            cron, misfire = "all", overlap = "allow", command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "data:local" }, context = new { query = "select 1" },
        };
        (await _heimdall.SendAsync(HttpMethod.Put, $"/api/v1/schedule/{id}", cancellationToken, JsonContent.Create(body))).AssertStatus(201);
    }

    private Task<Reply> PostAsync(string what, object body, CancellationToken cancellationToken) =>
        _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/{what}", cancellationToken, JsonContent.Create(body));

    private Task<Reply> SubmitAsync(object more, CancellationToken cancellationToken)
    {
        var job = more.GetType().GetProperties().ToDictionary(field => field.Name, field => field.GetValue(more));
        job["name"] = "test";
        job["command_criteria"] = new[] { "type:postgres" };
        job["cluster_criteria"] = new[] { "data:local" };
        job["context"] = new { query = "select 1" };
        return PostAsync("job", job, cancellationToken);
    }

    private async Task<string> NextAsync(string id, CancellationToken cancellationToken) =>
        (await _heimdall.GetAsync($"/api/v1/schedule/{id}", cancellationToken))["next_at"]!;

    private Task<long> CountAsync(CancellationToken cancellationToken) => _heimdall.Store.ScalarAsync<long>(
        "select count(*) from heimdall.schedule_run where outcome = 'FIRED' and schedule = 'secondly'", cancellationToken);

    private Task WaitForRunsAsync(long runs, CancellationToken cancellationToken) => Eventually.Is(
        async () => await CountAsync(cancellationToken) >= runs, cancellationToken, TimeSpan.FromSeconds(60));

    private async Task AssertNoneEarlyAsync(CancellationToken cancellationToken) => Assert.That(
        await _heimdall.Store.ScalarAsync<long>(
            """
            select count(*) from heimdall.schedule_run run join heimdall.job on job.id = run.job_id
            where run.planned_at > job.created_at + interval '1 second'
            """,
            cancellationToken),
        Is.Zero);

    private static DateTimeOffset TimeOf(Guid id) => DateTimeOffset.FromUnixTimeMilliseconds(
        Convert.ToInt64(id.ToString("N")[..12], 16));
}
