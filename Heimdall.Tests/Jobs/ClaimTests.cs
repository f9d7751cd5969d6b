using System.Text;
using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Which jobs a claim takes, on a store of its own for each test: several processes are several connections.</summary>
[CancelAfter(120_000)]
public sealed class ClaimTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    private TestDatabase _database = null!;
    private static readonly JobIds _ids = new(TimeProvider.System);

    private StoreDatabase _store = null!;
    private WaitingJobs _waiting = null!;

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = Open();
        _waiting = new WaitingJobs(_store);
    }

    [TearDown]
    public async Task Stop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Callers_take_turns(CancellationToken cancellationToken)
    {
        await AddAsync([.. Enumerable.Range(0, 20).Select(i => NewJob($"many-{i}", "many")), NewJob("one", "one"), NewJob("two", "two")], cancellationToken);

        var claimed = await ClaimAsync(4, cancellationToken, Lane("many"), Lane("one"), Lane("two"));

        Assert.That(claimed.Jobs.Select(job => job.Name), Is.EquivalentTo(new[] { "many-0", "one", "two", "many-1" }));
    }

    [Test]
    public async Task Within_a_caller_priority_comes_first_and_then_age(CancellationToken cancellationToken)
    {
        await AddAsync(
            [
                NewJob("old", "a"), NewJob("low", "a") with { Priority = -1 }, NewJob("elsewhere", "a", "second") with { Priority = 5 },
                NewJob("high", "a") with { Priority = 100 }, NewJob("new", "a"),
            ],
            cancellationToken);

        var order = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            order.AddRange((await ClaimAsync(1, cancellationToken, Lane("a"), Lane("a", "second"))).Jobs.Select(job => job.Name));
        }

        Assert.That(order, Is.EqualTo(new[] { "high", "elsewhere", "old", "new", "low" }));
    }

    [Test]
    public async Task A_claim_starts_an_attempt_in_the_name_of_the_worker(CancellationToken cancellationToken)
    {
        await AddAsync([NewJob("job", "a")], cancellationToken);

        var job = (await ClaimAsync(5, cancellationToken, Lane("a"))).Jobs.Single();

        Assert.That((job.Status, job.Attempt, job.StartedAt is not null), Is.EqualTo((JobStatus.Running, 1, true)));
        Assert.That(job.LeaseUntil, Is.GreaterThan(DateTime.UtcNow));
        var attempt = (await new JobAttempts(_store).ListAsync(job.Id, cancellationToken)).Single();
        Assert.That((attempt.Number, attempt.Worker, attempt.Outcome), Is.EqualTo((1, "test", (string?)null)));
        Assert.That((await ClaimAsync(5, cancellationToken, Lane("a"))).Jobs, Is.Empty);
    }

    [Test]
    public async Task Many_claimers_take_each_job_once(CancellationToken cancellationToken)
    {
        await AddAsync([.. Enumerable.Range(0, 400).Select(i => NewJob($"job-{i}", $"user-{i % 3}"))], cancellationToken);

        var taken = await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            await using var store = Open();
            var waiting = new WaitingJobs(store);
            var mine = new List<Guid>();
            while (await CountWaitingAsync(cancellationToken) > 0)
            {
                var claim = await waiting.ClaimAsync(
                    [(Lane("user-0"), 0), (Lane("user-1"), 1), (Lane("user-2"), 2)], 7, "test", Lease, cancellationToken);
                mine.AddRange(claim.Jobs.Select(job => job.Id));
            }
            return mine;
        }));

        Assert.That(taken.Sum(mine => mine.Count), Is.EqualTo(400));
        Assert.That(taken.SelectMany(mine => mine).Distinct().Count(), Is.EqualTo(400));
        Assert.That(await _database.ScalarAsync<long>("select count(*) from heimdall.job_attempt", cancellationToken), Is.EqualTo(400));
    }

    [TestCase("cluster")]
    [TestCase("command")]
    public async Task A_limit_holds_over_all_claimers_at_once(string kind, CancellationToken cancellationToken)
    {
        const int Limit = 3;
        await LimitAsync(kind, "main", Limit, cancellationToken);
        await AddAsync([.. Enumerable.Range(0, 90).Select(i => NewJob($"job-{i}", $"user-{i % 5}"))], cancellationToken);
        var running = 0;
        var most = 0;
        var ended = 0;

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            await using var store = Open();
            var waiting = new WaitingJobs(store);
            while (Volatile.Read(ref ended) < 90)
            {
                var claim = await waiting.ClaimAsync(
                    [.. Enumerable.Range(0, 5).Select(user => (Lane($"user-{user}"), user))], 8, "test", Lease, cancellationToken);
                foreach (var job in claim.Jobs)
                {
                    var now = Interlocked.Increment(ref running);
                    InterlockedMax(ref most, now);
                    await Task.Yield();
                }
                foreach (var job in claim.Jobs)
                {
                    Interlocked.Decrement(ref running); // before its end is written: only then another may be claimed
                    await _database.ExecuteAsync(
                        "update heimdall.job set status = 'SUCCEEDED', finished_at = now(), lease_until = null where id = $1",
                        cancellationToken, job.Id);
                    Interlocked.Increment(ref ended);
                }
            }
        }));

        Assert.That(most, Is.InRange(1, Limit));
        Assert.That(await CountWaitingAsync(cancellationToken), Is.Zero);
    }

    [Test]
    public async Task What_is_full_or_paused_holds_up_nothing_else(CancellationToken cancellationToken)
    {
        await LimitAsync("cluster", "full", 1, cancellationToken);
        await AddAsync([NewJob("running", "a", "full")], cancellationToken);
        await ClaimAsync(1, cancellationToken, Lane("a", "full"));
        await _database.ExecuteAsync(
            """
            insert into heimdall.pause (scope, target, until, paused_by) values
                ('cluster', 'paused', null, 'x'), ('command', 'held', now() + interval '1 hour', 'x'), ('cluster', 'over', now() - interval '1 s', 'x')
            """,
            cancellationToken);
        await AddAsync(
            [
                NewJob("full", "a", "full") with { Priority = 9 }, NewJob("paused", "a", "paused") with { Priority = 9 },
                NewJob("held", "a", "main", "held") with { Priority = 9 }, NewJob("over", "a", "over"), NewJob("free", "a"),
            ],
            cancellationToken);

        var claim = await ClaimAsync(
            9, cancellationToken, Lane("a", "full"), Lane("a", "paused"), Lane("a", "main", "held"), Lane("a", "over"), Lane("a"));

        Assert.That(claim.Jobs.Select(job => job.Name), Is.EquivalentTo(new[] { "over", "free" }));
        Assert.That(claim.Closed, Is.EquivalentTo(new[] { Lane("a", "full"), Lane("a", "paused"), Lane("a", "main", "held") }));

        await _database.ExecuteAsync("insert into heimdall.pause (scope, target, paused_by) values ('queue', '', 'x')", cancellationToken);
        await AddAsync([NewJob("later", "a")], cancellationToken);
        Assert.That((await ClaimAsync(9, cancellationToken, Lane("a"))).Closed, Is.EqualTo(new[] { Lane("a") }));
    }

    [Test]
    public async Task A_job_whose_time_has_not_come_is_in_no_lane(CancellationToken cancellationToken)
    {
        await AddAsync(
            [NewJob("early", "a") with { StartAfter = DateTime.UtcNow.AddHours(1), Priority = 9 }, NewJob("now", "b"), NewJob("waits", "a")], cancellationToken);

        var before = await _waiting.LookAsync(null, Lease, cancellationToken);
        var claimed = await ClaimAsync(5, cancellationToken, Lane("a"), Lane("b"));
        var between = await _waiting.LookAsync(null, Lease, cancellationToken);
        await _database.ExecuteAsync("update heimdall.job set retry_at = now() where name = 'early'", cancellationToken);
        var after = await _waiting.LookAsync(null, Lease, cancellationToken);

        Assert.That(before.Ready, Is.EqualTo(new[] { Lane("a"), Lane("b") }));
        Assert.That(claimed.Jobs.Select(job => job.Name), Is.EquivalentTo(new[] { "now", "waits" }));
        Assert.That(between.Ready, Is.Empty);
        Assert.That(after.Ready, Is.EqualTo(new[] { Lane("a") }));
        Assert.That((await ClaimAsync(5, cancellationToken, Lane("a"))).Jobs.Select(job => job.Name), Is.EqualTo(new[] { "early" }));
    }

    [Test]
    public async Task What_a_claim_and_a_look_read_does_not_grow_with_the_queue(CancellationToken cancellationToken)
    {
        const int Callers = 20;
        await using var connection = await _store.Claims.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync("set plan_cache_mode = force_generic_plan");
        const string Types = "text[], text[], text[], int[], int, int, text, interval";
        await ExecuteAsync($"prepare claim ({Types}) as {JobTransitions.ClaimWaiting}");
        await ExecuteAsync($"prepare look (text, text, text, interval) as {WaitingJobs.LookSql}");
        await FillAsync(1_000);
        var small = await ReadPlansAsync();

        // The plans were made for a table that was small: a connection keeps them.
        await FillAsync(30_000);
        var large = await ReadPlansAsync();

        await ExecuteAsync("analyze heimdall.job");
        var known = await ReadPlansAsync();

        foreach (var (plan, buffers) in new[] { large, known })
        {
            Assert.That(plan, Does.Not.Contain("Seq Scan"));
            Assert.That(buffers, Is.LessThan((2 * small.Buffers) + 100), plan);
        }

        Task FillAsync(int jobs) => _database.ExecuteAsync(
            """
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, context, retry_at)
            select gen_random_uuid(), 'filler', '', '', '{}', 'user-' || number % $2, 'ACCEPTED', false, false, 'main', 'main', 'main', 'main',
                '{}', '{}', '{}', case when number / $2 % 2 = 0 then now() + interval '1 hour' end
            from generate_series(1, $1) number
            """,
            cancellationToken, jobs, Callers);

        async Task<(string Plan, long Buffers)> ReadPlansAsync()
        {
            var users = string.Join(", ", Enumerable.Range(0, Callers).Select(user => $"'user-{user}'"));
            var mains = string.Join(", ", Enumerable.Repeat("'main'", Callers));
            var turns = string.Join(", ", Enumerable.Range(0, Callers));
            string[] statements =
            [
                $"execute claim(array[{users}], array[{mains}], array[{mains}], array[{turns}], 4, 20, 'test', '5 min')",
                "execute look('', '', '', '5 min')",
            ];
            var plan = new StringBuilder();
            var buffers = 0L;
            foreach (var statement in statements)
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await using var explain = connection.CreateCommand();
                explain.CommandText = $"explain (analyze, buffers, format json) {statement}";
                var json = (string)(await explain.ExecuteScalarAsync(cancellationToken))!;
                await transaction.RollbackAsync(cancellationToken);
                plan.AppendLine(json);
                var root = JsonDocument.Parse(json).RootElement[0].GetProperty("Plan");
                buffers += root.GetProperty("Shared Hit Blocks").GetInt64() + root.GetProperty("Shared Read Blocks").GetInt64();
            }
            return (plan.ToString(), buffers);
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var known = Volatile.Read(ref most); value > known; known = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, known);
        }
    }

    private static JobLane Lane(string user, string cluster = "main", string command = "main") => new(user, cluster, command);

    private static Job NewJob(string name, string user, string cluster = "main", string command = "main") => new()
    {
        Id = _ids.Next(),
        Name = name,
        Version = "",
        User = user,
        Status = JobStatus.Accepted,
        IsSync = false,
        ReturnResult = false,
        CommandId = command,
        CommandName = command,
        ClusterId = cluster,
        ClusterName = cluster,
        Context = [],
    };

    private StoreDatabase Open() => new(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForWorker(1));

    private async Task AddAsync(Job[] jobs, CancellationToken cancellationToken)
    {
        await using var connection = await _store.DataSource.OpenConnectionAsync(cancellationToken);
        await QueuedJobs.InsertAsync(
            connection, [.. jobs.Select(job => new QueuedJob(job))], GivenEntries.Instance, cancellationToken);
    }

    private Task<Claim> ClaimAsync(int most, CancellationToken cancellationToken, params JobLane[] lanes)
    {
        string[] users = [.. lanes.Select(lane => lane.User).Distinct()];
        return _waiting.ClaimAsync(
            [.. lanes.Select(lane => (lane, Array.IndexOf(users, lane.User)))], most, "test", Lease, cancellationToken);
    }

    private Task<long> CountWaitingAsync(CancellationToken cancellationToken) =>
        _database.ScalarAsync<long>("select count(*) from heimdall.job where status = 'ACCEPTED'", cancellationToken);

    private Task LimitAsync(string kind, string id, int limit, CancellationToken cancellationToken) => _database.ExecuteAsync(
        kind == "cluster"
            ? """
              insert into heimdall.cluster (id, name, version, description, status, tags, weight, seed, max_concurrency)
              values ($1, $1, '', '', 'ACTIVE', '{}', 1, '', $2)
              """
            : """
              insert into heimdall.command (id, name, version, description, status, plugin, tags, cluster_tags, allowed_callers, context, seed, max_concurrency)
              values ($1, $1, '', '', 'ACTIVE', 'x', '{}', '{}', '{}', '{}', '', $2)
              """,
        cancellationToken, id, limit);
}
