using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Jobs that end, wait for others and are released, all at the same time: several processes are several connections.</summary>
[CancelAfter(120_000)]
public sealed class PredecessorTests
{
    private const int Rounds = 60;

    private TestDatabase _database = null!;
    private static readonly JobIds _ids = new(TimeProvider.System);

    private StoreDatabase _store = null!;
    private JobPredecessors _predecessors = null!;

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        _predecessors = new JobPredecessors(_store);
    }

    [TearDown]
    public async Task Stop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task None_is_left_waiting_however_ends_and_submissions_cross(CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var (one, other) = (NewJob("before"), NewJob("before"));
            await AddAsync([one, other], cancellationToken);

            await Task.WhenAll(
                EndAsync(one, cancellationToken),
                EndAsync(other, cancellationToken),
                AddAsync([NewJob("after") with { After = [new(one.Id, PredecessorEnd.Succeeded), new(other.Id, PredecessorEnd.Ended)] }], cancellationToken),
                AddAsync([NewJob("after") with { After = [new(other.Id, PredecessorEnd.Succeeded), new(one.Id, PredecessorEnd.Ended)] }], cancellationToken),
                _predecessors.ResolveAsync(cancellationToken),
                _predecessors.ResolveAsync(cancellationToken));
            await Task.WhenAll(ResolveAllAsync(cancellationToken), ResolveAllAsync(cancellationToken));
        }

        Assert.That(await CountAsync("retry_at is null and name = 'after'", cancellationToken), Is.EqualTo(2 * Rounds));
        Assert.That(await _database.ScalarAsync<long>("select count(*) from heimdall.job_predecessor", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task One_that_was_cancelled_is_not_released(CancellationToken cancellationToken)
    {
        var before = NewJob("before");
        var after = NewJob("after") with { After = [new(before.Id, PredecessorEnd.Ended)] };
        await AddAsync([before, after], cancellationToken);

        await new JobStore(_store).CancelAsync(after.Id, "alice", cancellationToken);
        await EndAsync(before, cancellationToken);
        await ResolveAllAsync(cancellationToken);

        Assert.That(await CountAsync("name = 'after' and status = 'CANCELED' and canceled_by = 'alice' and error is null", cancellationToken), Is.EqualTo(1));
        Assert.That(await _database.ScalarAsync<long>("select count(*) from heimdall.job_predecessor", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_condition_that_only_a_newer_version_knows_is_left_to_it(CancellationToken cancellationToken)
    {
        var (before, other) = (NewJob("before"), NewJob("before"));
        var after = NewJob("after") with
        {
            After = [new(before.Id, PredecessorEnd.Succeeded), new(other.Id, PredecessorEnd.Succeeded)],
        };
        await AddAsync([before, other, after], cancellationToken);
        await _database.ExecuteAsync(
            "alter table heimdall.job_predecessor drop constraint job_predecessor_wanted_check", cancellationToken);
        await _database.ExecuteAsync(
            "update heimdall.job_predecessor set wanted = 'started' where predecessor_id = $1", cancellationToken,
            before.Id);

        await EndAsync(before, cancellationToken);
        await EndAsync(other, cancellationToken);
        await ResolveAllAsync(cancellationToken);

        Assert.That(
            await CountAsync("name = 'after' and status = 'ACCEPTED' and retry_at = 'infinity'", cancellationToken),
            Is.EqualTo(1));
        var open = await _predecessors.FindOpenAsync(after.Id, 10, cancellationToken);
        Assert.That(
            open.Select(one => one.Predecessor),
            Is.EqualTo(new[] { new JobPredecessor(before.Id, PredecessorEnd.Ended) }));
    }

    [Test]
    public async Task One_that_has_ended_in_a_way_that_only_a_newer_version_knows_has_ended(
        CancellationToken cancellationToken)
    {
        var before = NewJob("before");
        await AddAsync([before], cancellationToken);
        await _database.ExecuteAsync(
            "update heimdall.job set status = 'ARCHIVED', finished_at = now() where id = $1", cancellationToken,
            before.Id);

        await AddAsync([NewJob("after") with { After = [new(before.Id, PredecessorEnd.Ended)] }], cancellationToken);
        await ResolveAllAsync(cancellationToken);

        Assert.That(
            await CountAsync("name = 'after' and status = 'ACCEPTED' and retry_at is null", cancellationToken),
            Is.EqualTo(1));
    }

    [Test]
    public async Task A_job_that_waits_for_others_is_not_claimed(CancellationToken cancellationToken)
    {
        var before = NewJob("before");
        await AddAsync([before, NewJob("after") with { After = [new(before.Id, PredecessorEnd.Ended)], Priority = 100 }], cancellationToken);
        var waiting = new WaitingJobs(_store);

        var view = await waiting.LookAsync(null, TimeSpan.FromMinutes(5), cancellationToken);
        var claim = await waiting.ClaimAsync([(view.Ready.Single(), 0)], 5, "test", TimeSpan.FromMinutes(5), cancellationToken);

        Assert.That(claim.Jobs.Select(job => job.Name), Is.EqualTo(new[] { "before" }));
    }

    private static Job NewJob(string name) => new()
    {
        Id = _ids.Next(),
        Name = name,
        Version = "",
        User = "user",
        Status = JobStatus.Accepted,
        IsSync = false,
        ReturnResult = false,
        CommandId = "main",
        CommandName = "main",
        ClusterId = "main",
        ClusterName = "main",
        Context = [],
    };

    private async Task AddAsync(Job[] jobs, CancellationToken cancellationToken)
    {
        await using var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken);
        await QueuedJobs.InsertAsync(
            connection, [.. jobs.Select(job => new QueuedJob(job))], GivenEntries.Instance, cancellationToken);
    }

    private Task EndAsync(Job job, CancellationToken cancellationToken) => _database.ExecuteAsync(
        "update heimdall.job set status = 'SUCCEEDED', finished_at = now() where id = $1", cancellationToken, job.Id);

    private async Task ResolveAllAsync(CancellationToken cancellationToken)
    {
        while ((await _predecessors.ResolveAsync(cancellationToken)).More)
        {
            // The next thousand.
        }
    }

    private Task<long> CountAsync(string condition, CancellationToken cancellationToken) =>
        _database.ScalarAsync<long>($"select count(*) from heimdall.job where {condition}", cancellationToken);
}
