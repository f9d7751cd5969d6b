using System.Diagnostics.Metrics;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Tests.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>
/// Children that end while their parents are told of it, at the same time: several processes are several connections.
/// </summary>
[CancelAfter(120_000)]
public sealed class FanOutStoreTests
{
    private const int Rounds = 20;
    private const int Children = 7;

    private static readonly JobIds _ids = new(TimeProvider.System);

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private FanOuts _fanOuts = null!;

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        _fanOuts = new FanOuts(_store);
    }

    [TearDown]
    public async Task Stop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task None_is_left_waiting_however_ends_and_looks_cross(CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var parent = await AddAsync(new FanOut { MaxParallel = 2, Canary = 1 }, cancellationToken);
            while (await CountAsync("status = 'ACCEPTED' and parent_id = $1", cancellationToken, parent) > 0)
            {
                var free = await _database.ColumnAsync<Guid>(
                    "select id from heimdall.job where parent_id = $1 and status = 'ACCEPTED' and retry_at is null",
                    cancellationToken, parent);
                Assert.That(free, Has.Count.InRange(1, 2));
                await Task.WhenAll(
                    [
                        .. free.Select(child => EndAsync(child, cancellationToken)),
                        AdvanceAllAsync(cancellationToken), AdvanceAllAsync(cancellationToken),
                    ]);
                await AdvanceAllAsync(cancellationToken);
            }
        }

        Assert.That(
            await CountAsync("fan_out is not null and status = 'SUCCEEDED'", cancellationToken), Is.EqualTo(Rounds));
        Assert.That(
            await CountAsync("parent_id is not null and status = 'SUCCEEDED'", cancellationToken),
            Is.EqualTo(Rounds * Children));
        Assert.That(
            await _database.ScalarAsync<long>(
                "select (select count(*) from heimdall.child_end) + (select count(*) from heimdall.job_predecessor)",
                cancellationToken),
            Is.Zero);
    }

    [Test]
    public async Task An_end_that_nobody_acted_upon_is_found_by_whoever_comes(CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { MaxParallel = 1 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        await EndAsync(first, cancellationToken); // and its process is gone

        Assert.That(await _fanOuts.FindNewsAsync(cancellationToken), Is.EqualTo(new[] { parent }));
        var news = await _fanOuts.AdvanceAsync(parent, cancellationToken);

        Assert.That((news.End, news.Stopped.Count), Is.EqualTo(((JobStatus?)null, 0)));
        Assert.That(
            await CountAsync("parent_id = $1 and status = 'ACCEPTED' and retry_at is null", cancellationToken, parent),
            Is.EqualTo(1));
        Assert.That(await _fanOuts.FindNewsAsync(cancellationToken), Is.Empty);
        await _fanOuts.AdvanceAsync(parent, cancellationToken);
        Assert.That(
            await CountAsync("parent_id = $1 and status = 'ACCEPTED' and retry_at is null", cancellationToken, parent),
            Is.EqualTo(1), "a second look begins no second child");
    }

    [Test]
    public async Task A_parent_that_cannot_be_told_keeps_no_other_one_from_being_told(
        CancellationToken cancellationToken)
    {
        Guid[] parents =
        [
            await AddAsync(new FanOut { MaxParallel = 1 }, cancellationToken),
            await AddAsync(new FanOut { MaxParallel = 1 }, cancellationToken),
        ];
        await _database.ExecuteAsync(
            $"""
            create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
            create trigger refused before update on heimdall.job for each row when (new.id = '{parents[0]}')
                execute function refuse()
            """,
            cancellationToken);
        foreach (var parent in parents)
        {
            await EndAsync(await FirstAsync(parent, cancellationToken), cancellationToken);
        }
        await using var process = ScheduleTestStore.Build(_database, TimeProvider.System);
        var upkeep = process.GetRequiredService<FanOutUpkeep>();

        Assert.That(
            () => upkeep.AdvanceAsync(cancellationToken),
            Throws.InstanceOf<PostgresException>().With.Message.Contains("refused"));

        Assert.That(await _fanOuts.FindNewsAsync(cancellationToken), Is.EqualTo(new[] { parents[0] }));
        await _database.ExecuteAsync("drop trigger refused on heimdall.job", cancellationToken);
        await upkeep.AdvanceAsync(cancellationToken);
        Assert.That(await _fanOuts.FindNewsAsync(cancellationToken), Is.Empty);
    }

    [Test]
    public async Task A_child_that_is_claimed_in_that_moment_is_not_stopped(CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { StopAfterFailures = 1 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        var waiting = new WaitingJobs(_store);
        var claim = await waiting.ClaimAsync(
            [(new JobLane("user", "db1", "main"), 0)], 1, "test", TimeSpan.FromMinutes(5), cancellationToken);
        await EndAsync(first, cancellationToken, "FAILED");

        var news = await _fanOuts.AdvanceAsync(parent, cancellationToken);

        Assert.That(claim.Jobs.Single().ParentId, Is.EqualTo(parent));
        Assert.That(news.Stopped, Has.Count.EqualTo(Children - 2).And.None.EqualTo(claim.Jobs[0].Id));
        Assert.That(
            await CountAsync("id = $1 and status = 'RUNNING'", cancellationToken, claim.Jobs[0].Id), Is.EqualTo(1));
    }

    [TestCase(1)]
    [TestCase(3)]
    public async Task A_child_that_was_claimed_and_given_back_has_not_begun(
        int times, CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { StopAfterFailures = 1 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        var waiting = new WaitingJobs(_store);
        var claimed = Guid.Empty;
        for (var attempt = 1; attempt <= times; attempt++)
        {
            claimed = await ClaimAsync(waiting, attempt, cancellationToken);
            await waiting.ReturnAsync(claimed, attempt, isTakeOver: false, cancellationToken);
        }
        await EndAsync(first, cancellationToken, "FAILED");

        var news = await _fanOuts.AdvanceAsync(parent, cancellationToken);

        Assert.That(news.Stopped, Has.Count.EqualTo(Children - 1).And.Contains(claimed));
    }

    [Test]
    public async Task A_child_that_had_begun_and_was_given_back_later_has_begun(CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { StopAfterFailures = 1 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        var waiting = new WaitingJobs(_store);
        var claimed = await ClaimAsync(waiting, 1, cancellationToken);
        await _database.ExecuteAsync(
            """
            with handed as (
                update heimdall.job set status = 'ACCEPTED', lease_until = null, worker = null
                where id = $1 returning id)
            update heimdall.job_attempt set finished_at = now(), outcome = 'HANDED BACK', detail = 'The worker stopped.'
            where job_id = (select id from handed)
            """,
            cancellationToken, claimed);
        await waiting.ReturnAsync(
            await ClaimAsync(waiting, 2, cancellationToken), 2, isTakeOver: false, cancellationToken);
        await EndAsync(first, cancellationToken, "FAILED");

        var news = await _fanOuts.AdvanceAsync(parent, cancellationToken);

        Assert.That(news.Stopped, Has.Count.EqualTo(Children - 2).And.None.EqualTo(claimed));
    }

    [Test]
    public async Task A_child_that_is_given_back_after_the_others_were_stopped_is_stopped_too(
        CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { StopAfterFailures = 1 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        var claimed = await ClaimAsync(new WaitingJobs(_store), 1, cancellationToken);
        await EndAsync(first, cancellationToken, "FAILED");
        await AdvanceAllAsync(cancellationToken);

        var news = await _fanOuts.ReturnAsync(parent, claimed, 1, isTakeOver: false, cancellationToken);
        await AdvanceAllAsync(cancellationToken);

        Assert.That(news.Stopped, Is.EqualTo(new[] { claimed }));
        Assert.That(
            await CountAsync("parent_id = $1 and status = 'CANCELED'", cancellationToken, parent),
            Is.EqualTo(Children - 1));
        Assert.That(await CountAsync("id = $1 and status = 'FAILED'", cancellationToken, parent), Is.EqualTo(1));
    }

    [Test]
    public async Task A_process_that_gives_a_child_back_has_it_stopped(CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { StopAfterFailures = 1 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        var waiting = new WaitingJobs(_store);
        var claim = await waiting.ClaimAsync(
            [(new JobLane("user", "db1", "main"), 0)], 1, "test", TimeSpan.FromMinutes(5), cancellationToken);
        await EndAsync(first, cancellationToken, "FAILED");
        await AdvanceAllAsync(cancellationToken);
        await using var process = ScheduleTestStore.Build(_database, TimeProvider.System);
        using var meter = new Meter("of a test");
        using var claimer = ActivatorUtilities.CreateInstance<JobClaimer>(
            process, waiting, ActivatorUtilities.CreateInstance<JobReach>(process), new QueueMetrics(meter));

        await claimer.ReleaseAsync(new ClaimedJob(claim.Jobs[0], isTakeOver: false), isRefused: false);

        Assert.That(
            await CountAsync("id = $1 and status = 'CANCELED'", cancellationToken, claim.Jobs[0].Id), Is.EqualTo(1));
    }

    private static async Task<Guid> ClaimAsync(WaitingJobs waiting, int attempt, CancellationToken cancellationToken)
    {
        var claim = await waiting.ClaimAsync(
            [(new JobLane("user", "db1", "main"), 0)], 1, "test", TimeSpan.FromMinutes(5), cancellationToken);
        Assert.That(claim.Jobs.Single().Attempt, Is.EqualTo(attempt));
        return claim.Jobs[0].Id;
    }

    [Test]
    public async Task A_cancel_by_an_older_version_stops_all_children(CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { MaxParallel = 2 }, cancellationToken);
        var first = await FirstAsync(parent, cancellationToken);
        var waiting = new WaitingJobs(_store);
        var claim = await waiting.ClaimAsync(
            [(new JobLane("user", "db1", "main"), 0)], 1, "test", TimeSpan.FromMinutes(5), cancellationToken);
        await _database.ExecuteAsync(
            "update heimdall.job set status = 'CANCELING', canceled_by = 'alice', updated_at = now() where id = $1",
            cancellationToken, parent);
        await EndAsync(first, cancellationToken);

        var news = await _fanOuts.AdvanceAsync(parent, cancellationToken);

        Assert.That((news.End, news.Stopped.Count), Is.EqualTo(((JobStatus?)null, Children - 2)));
        Assert.That(
            await CountAsync(
                "parent_id = $1 and canceled_by = 'alice' and status = 'CANCELED'", cancellationToken, parent),
            Is.EqualTo(Children - 2));
        Assert.That(
            await CountAsync(
                "id = $1 and canceled_by = 'alice' and status = 'CANCELING'", cancellationToken, claim.Jobs[0].Id),
            Is.EqualTo(1));
        await EndAsync(claim.Jobs[0].Id, cancellationToken, "CANCELED");
        await AdvanceAllAsync(cancellationToken);
        Assert.That(await CountAsync("id = $1 and status = 'CANCELED'", cancellationToken, parent), Is.EqualTo(1));
    }

    [Test]
    public async Task A_parent_is_claimed_by_nobody_and_counts_against_no_limit(CancellationToken cancellationToken)
    {
        await _database.ExecuteAsync(
            """
            insert into heimdall.command (id, name, version, description, status, plugin, tags, cluster_tags,
                allowed_callers, context, seed, max_concurrency)
            values ('main', 'main', '', '', 'ACTIVE', 'postgres', '{}', '{}', '{}', '{}', '', 1)
            """,
            cancellationToken);
        await AddAsync(new FanOut(), cancellationToken);
        var waiting = new WaitingJobs(_store);
        var lease = TimeSpan.FromMilliseconds(1);
        var view = await waiting.LookAsync(null, lease, cancellationToken);

        var claim = await waiting.ClaimAsync(
            [.. view.Ready.Index().Select(lane => (lane.Item, lane.Index))], 100, "test", lease, cancellationToken);
        var taken = await waiting.TakeOverAsync(10, [""], ["main"], [], "test", lease, cancellationToken);

        Assert.That(view.Ready, Has.Count.EqualTo(Children), "the parent is in no lane");
        Assert.That(claim.Jobs, Has.Count.EqualTo(1), "one child has the one place of the command");
        Assert.That(taken, Is.Empty);
    }

    [Test]
    public async Task Retention_deletes_no_more_at_once_for_parents_than_for_other_jobs(
        CancellationToken cancellationToken)
    {
        for (var number = 0; number < 3; number++)
        {
            await AddAsync(new FanOut(), cancellationToken);
        }
        await _database.ExecuteAsync(
            """
            update heimdall.job set status = case when parent_id is null then 'FAILED' else 'SUCCEEDED' end,
                created_at = now() - interval '9 days', finished_at = now() - interval '8 days'
            """,
            cancellationToken);
        var retention = new JobRetention(_store);
        var deleted = new List<long>();
        var position = RetentionPosition.Start;
        for (var isCut = true; isCut;)
        {
            var step = await retention.DeleteAsync(
                JobStatus.Failed, command: null, TimeSpan.FromDays(1), position, 2 * (Children + 1), cancellationToken);
            (position, isCut) = (step.Position, step.IsCut || step.Looked == 2 * (Children + 1));
            deleted.Add(step.Deleted);
            Assert.That(step.Left, Is.Null);
        }

        Assert.That(deleted.Where(count => count > 0), Is.EqualTo(new[] { 2 * (Children + 1), Children + 1 }));
        Assert.That(await CountAsync("true", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task Of_parents_that_are_gone_nothing_is_left(CancellationToken cancellationToken)
    {
        var parent = await AddAsync(new FanOut { MaxParallel = 1 }, cancellationToken);
        await EndAsync(await FirstAsync(parent, cancellationToken), cancellationToken);
        await _database.ExecuteAsync("delete from heimdall.job where id = $1", cancellationToken, parent);

        await AdvanceAllAsync(cancellationToken);

        Assert.That(
            await _database.ScalarAsync<long>("select count(*) from heimdall.child_end", cancellationToken), Is.Zero);
    }

    /// <returns>The parent.</returns>
    private async Task<Guid> AddAsync(FanOut fanOut, CancellationToken cancellationToken)
    {
        var parent = NewJob("") with { Status = JobStatus.Running, FanOut = fanOut with { Total = Children } };
        Job[] children =
        [
            .. Enumerable.Range(0, Children).Select(number => NewJob($"db{number}") with
            {
                ParentId = parent.Id,
                IsHeld = number >= parent.FanOut.First,
            }),
        ];
        await using var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken);
        await QueuedJobs.InsertParentsAsync(connection, [parent], cancellationToken);
        await QueuedJobs.InsertAsync(
            connection, [.. children.Select(job => new QueuedJob(job))], GivenEntries.Instance, cancellationToken);
        return parent.Id;
    }

    private static Job NewJob(string cluster) => new()
    {
        Id = _ids.Next(),
        Name = "fleet",
        Version = "",
        User = "user",
        Status = JobStatus.Accepted,
        IsSync = false,
        ReturnResult = false,
        CommandId = "main",
        CommandName = "main",
        ClusterId = cluster,
        ClusterName = cluster,
        Context = [],
    };

    private Task<Guid> FirstAsync(Guid parent, CancellationToken cancellationToken) => _database.ScalarAsync<Guid>(
        "select id from heimdall.job where parent_id = $1 order by id limit 1", cancellationToken, parent);

    private Task EndAsync(Guid job, CancellationToken cancellationToken, string status = "SUCCEEDED") =>
        _database.ExecuteAsync(
            "update heimdall.job set status = $2, finished_at = now() where id = $1", cancellationToken, job, status);

    private async Task AdvanceAllAsync(CancellationToken cancellationToken)
    {
        while (await _fanOuts.FindNewsAsync(cancellationToken) is { Count: > 0 } parents)
        {
            foreach (var parent in parents)
            {
                await _fanOuts.AdvanceAsync(parent, cancellationToken);
            }
        }
    }

    private Task<long> CountAsync(string condition, CancellationToken cancellationToken, params object[] values) =>
        _database.ScalarAsync<long>($"select count(*) from heimdall.job where {condition}", cancellationToken, values);
}
