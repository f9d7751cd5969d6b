using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Submission;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>How many jobs a caller may have waiting, and what it costs to know how many there are.</summary>
[CancelAfter(120_000)]
public sealed class QueueDepthTests
{
    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForWorker(1));
    }

    [TearDown]
    public async Task Stop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Submissions_do_not_count_the_queue_each_time(CancellationToken cancellationToken)
    {
        var depths = Depths(limit: 100_000);
        await FillAsync("many", 5_000, cancellationToken);
        Assert.That(await depths.TryAddAsync("many", 1, cancellationToken));

        // From now on a count fails.
        await _database.ExecuteAsync("alter table heimdall.job rename to hidden", cancellationToken);

        for (var i = 0; i < 100; i++)
        {
            Assert.That(await depths.TryAddAsync("many", 10, cancellationToken));
        }
        await Assert.ThatAsync(() => depths.TryAddAsync("other", 1, cancellationToken), Throws.InstanceOf<Npgsql.NpgsqlException>());
    }

    [Test]
    public async Task No_caller_gets_more_places_than_the_limit(CancellationToken cancellationToken)
    {
        var depths = Depths(limit: 10);
        await FillAsync("many", 8, cancellationToken);

        Assert.That(await depths.TryAddAsync("many", 3, cancellationToken), Is.False);
        Assert.That(await depths.TryAddAsync("many", 2, cancellationToken));
        await FillAsync("many", 2, cancellationToken);
        Assert.That(await depths.TryAddAsync("many", 1, cancellationToken), Is.False);
        Assert.That(await depths.TryAddAsync("other", 10, cancellationToken));

        await _database.ExecuteAsync("update heimdall.job set status = 'CANCELED' where id = (select min(id::text)::uuid from heimdall.job)", cancellationToken);
        await Eventually.Is(() => depths.TryAddAsync("many", 1, cancellationToken), cancellationToken);
    }

    private QueueDepths Depths(int limit) =>
        new(new JobStore(_store), new HeimdallConfig { Server = new ServerConfig { MaxQueuedPerCaller = limit } });

    private Task FillAsync(string user, int jobs, CancellationToken cancellationToken) => _database.ExecuteAsync(
        """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
            cluster_id, cluster_name, command_criteria, cluster_criteria, context)
        select gen_random_uuid(), 'filler', '', '', '{}', $2, 'ACCEPTED', false, false, 'main', 'main', 'main', 'main', '{}', '{}', '{}'
        from generate_series(1, $1)
        """,
        cancellationToken, jobs, user);
}
