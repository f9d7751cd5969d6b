using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>What a version left that kept the jobs' places in Hangfire's own queue.</summary>
[CancelAfter(60_000)]
public sealed class OldQueueTests
{
    [Test]
    public async Task Places_and_entries_of_jobs_that_have_ended_are_dropped(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var ended = await heimdall.EnqueueAsync("select 1", cancellationToken);
        var waiting = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await heimdall.CancelAsync(ended, cancellationToken);
        // That version had given both a second entry and a place, and knew of a third one no more.
        await heimdall.Store.ExecuteAsync(
            """
            with entries as (
                insert into hangfire.job (statename, invocationdata, arguments, createdat)
                select 'Enqueued', invocationdata, arguments, now() from hangfire.job where arguments::text ~ $1
                returning id)
            insert into hangfire.jobqueue (jobid, queue) select id, 'default' from entries
            """,
            cancellationToken, $"{ended}|{waiting}");
        await heimdall.Store.ExecuteAsync(
            """
            insert into hangfire.jobqueue (jobid, queue, fetchedat)
            values (0, 'default', now() - interval '1 day'), (0, 'schedules', null)
            """,
            cancellationToken);
        var defaults = new DatabaseConfig();
        await using var store = new StoreDatabase(
            heimdall.Store.ConnectionString, defaults.Schema, defaults.HangfireSchema, ConnectionLimits.ForApi);
        using var old = new OldQueue(store, new StoreReadiness(), new WorkerConfig(), NullLogger<OldQueue>.Instance);

        await old.TidyAsync(cancellationToken);

        Assert.That(
            await heimdall.Store.ColumnAsync<string>(
                """
                select place.queue || ' ' || coalesce(entry.arguments::text like '%' || $1 || '%', false)
                from hangfire.jobqueue place left join hangfire.job entry on entry.id = place.jobid order by 1
                """,
                cancellationToken, $"{waiting}"),
            Is.EqualTo(new[] { "default true", "schedules false" }));
        Assert.That(await EntriesAsync(ended), Is.EqualTo(1));
        Assert.That(await EntriesAsync(waiting), Is.EqualTo(2));

        Task<long> EntriesAsync(Guid job) => heimdall.Store.ScalarAsync<long>(
            "select count(*) from hangfire.job where arguments::text like '%' || $1 || '%'", cancellationToken,
            $"{job}");
    }
}
