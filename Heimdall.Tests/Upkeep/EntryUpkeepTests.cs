using Heimdall.Core.Queue;
using Heimdall.Core.Schedules;
using Heimdall.Tests.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>Hangfire's entries of jobs that have ended.</summary>
[CancelAfter(60_000)]
public sealed class EntryUpkeepTests
{
    private ScheduleTestStore _store = null!;
    private IServiceProvider _process = null!;

    [SetUp]
    public async Task Start()
    {
        _store = await ScheduleTestStore.CreateAsync(ScheduleTestStore.Noon);
        _process = await _store.StartAsync(ScheduleTestStore.EveryMinute, CancellationToken.None);
    }

    [TearDown]
    public async Task Stop() => await _store.DisposeAsync();

    [TestCase("SUCCEEDED", "Failed", ExpectedResult = "Succeeded")]
    [TestCase("SUCCEEDED", "Enqueued", ExpectedResult = "Succeeded")]
    [TestCase("FAILED", "Succeeded", ExpectedResult = "Failed")]
    [TestCase("CANCELED", "Scheduled", ExpectedResult = "Deleted")]
    public async Task<string> One_that_says_something_else_than_its_job_is_found_from_the_jobs_side(
        string status, string entry, CancellationToken cancellationToken)
    {
        await AddAsync(status, entry, age: TimeSpan.FromMinutes(5), cancellationToken);
        var entries = _process.GetRequiredService<QueueEntries>();

        await entries.FindUntrueAsync(after: null, cancellationToken);
        await entries.CloseLeftAsync(TimeSpan.FromMinutes(1), cancellationToken);

        return await _store.Database.ScalarAsync<string>("select statename from hangfire.job", cancellationToken);
    }

    [Test]
    public async Task Jobs_are_looked_at_once_and_not_while_their_worker_may_still_write(
        CancellationToken cancellationToken)
    {
        await AddAsync("SUCCEEDED", "Processing", age: TimeSpan.FromSeconds(5), cancellationToken);
        var entries = _process.GetRequiredService<QueueEntries>();
        var last = await entries.FindUntrueAsync(after: null, cancellationToken);
        Assert.That((last, await CountUnshownAsync(cancellationToken)), Is.EqualTo((((DateTime, Guid)?)null, 0)));

        await _store.Database.ExecuteAsync(
            "update heimdall.job set updated_at = updated_at - interval '4 minutes'", cancellationToken);
        last = await entries.FindUntrueAsync(last, cancellationToken);
        Assert.That(await CountUnshownAsync(cancellationToken), Is.EqualTo(1));

        await _store.Database.ExecuteAsync("delete from heimdall.queue_unshown", cancellationToken);
        await entries.FindUntrueAsync(last, cancellationToken);
        Assert.That(await CountUnshownAsync(cancellationToken), Is.Zero);
    }

    [Test]
    public async Task One_of_a_failed_job_expires_after_a_week(CancellationToken cancellationToken)
    {
        await AddAsync("FAILED", "Enqueued", age: TimeSpan.FromMinutes(5), cancellationToken);
        var entries = _process.GetRequiredService<QueueEntries>();
        await entries.FindUntrueAsync(after: null, cancellationToken);
        await entries.CloseLeftAsync(TimeSpan.FromMinutes(1), cancellationToken);

        await entries.ExpireFailedAsync(cancellationToken);

        Assert.That(
            await _store.Database.ScalarAsync<bool>(
                "select expireat between now() + interval '6 days' and now() + interval '8 days' from hangfire.job",
                cancellationToken),
            Is.True);
    }

    /// <summary>A job with an entry, as it was when somebody died.</summary>
    private async Task AddAsync(string status, string entry, TimeSpan age, CancellationToken cancellationToken)
    {
        await _process.GetRequiredService<ScheduleControl>().TriggerAsync(
            ScheduleTestStore.Id, "alice", cancellationToken);
        await _store.Database.ExecuteAsync(
            "update heimdall.job set status = $1, finished_at = now() - $2, updated_at = now() - $2",
            cancellationToken, status, age);
        await _store.Database.ExecuteAsync("update hangfire.job set statename = $1", cancellationToken, entry);
    }

    private Task<int> CountUnshownAsync(CancellationToken cancellationToken) =>
        _store.Database.ScalarAsync<int>("select count(*)::int from heimdall.queue_unshown", cancellationToken);
}
