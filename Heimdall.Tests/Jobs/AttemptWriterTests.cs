using System.Collections.Concurrent;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Writes of running attempts that share a transaction.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class AttemptWriterTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private AttemptWriter _writer = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _store = Open(_database);
        _writer = new AttemptWriter(_store, NullLogger<AttemptWriter>.Instance);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _writer.DisposeAsync();
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task One_that_cannot_be_written_is_no_trouble_to_the_others([Values] bool isDurable, CancellationToken cancellationToken)
    {
        var good = Enumerable.Range(0, 200).Select(_ => BeginAsync(_writer, NewJob("good"), isDurable)).ToArray();
        var bad = BeginAsync(_writer, NewJob("no\0text"), isDurable);
        var more = Enumerable.Range(0, 200).Select(_ => BeginAsync(_writer, NewJob("good"), isDurable)).ToArray();

        var begun = await Task.WhenAll([.. good, .. more]).WaitAsync(cancellationToken);

        Assert.That(async () => await bad, Throws.InstanceOf<PostgresException>());
        foreach (var job in begun)
        {
            Assert.That((await new JobStore(_store).FindAsync(job.Id, cancellationToken))?.Status, Is.EqualTo(JobStatus.Running));
        }
    }

    [Test]
    public async Task Ends_and_renewals_of_the_same_jobs_do_not_lock_each_other_out([Values] bool endsFirst, CancellationToken cancellationToken)
    {
        await using var database = await TestDatabase.CreateStoreAsync(); // all waits for locks are counted
        await using var store = Open(database);
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        var jobs = await BeginManyAsync(writer, "running", 9);
        Array.Sort(jobs, (one, other) => other.Id.CompareTo(one.Id));
        await using var holder = new NpgsqlConnection(database.ConnectionString);
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using (var hold = new NpgsqlCommand("select from heimdall.job where id = $1 for update", holder, transaction) { Parameters = { new() { Value = jobs[4].Id } } })
        {
            await hold.ExecuteNonQueryAsync(cancellationToken);
        }
        await using var connection = await store.Lifeline.OpenConnectionAsync(cancellationToken);
        Func<Task>[] writers = [() => EndAllAsync(connection, jobs), () => new JobClaims(store, Measures.Jobs).RenewAsync([.. jobs.Reverse().Select(job => (job.Id, 1))], Lease, cancellationToken)];
        var writing = new List<Task>();

        foreach (var write in endsFirst ? writers : writers.Reverse())
        {
            writing.Add(write());
            await Eventually.Becomes(
                () => database.ScalarAsync<long>(
                    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ '^(update job|with mine)'", cancellationToken),
                () => Is.EqualTo(writing.Count), cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);

        Assert.That(async () => await Task.WhenAll(writing).WaitAsync(cancellationToken), Throws.Nothing);
    }

    [Test]
    public async Task What_the_store_rolled_back_for_the_sake_of_others_is_written_again(CancellationToken cancellationToken)
    {
        await _database.ExecuteAsync(
            """
            create sequence heimdall.tries;
            create function heimdall.refuse() returns trigger language plpgsql as $$
            begin
              if nextval('heimdall.tries') < 3 then raise exception 'not now' using errcode = 'deadlock_detected'; end if;
              return new;
            end $$;
            create trigger refuse before insert on heimdall.job for each row when (new.name = 'again') execute function heimdall.refuse()
            """,
            cancellationToken);

        var job = await BeginAsync(_writer, NewJob("again"), isDurable: true).WaitAsync(cancellationToken);

        Assert.That((await new JobStore(_store).FindAsync(job.Id, cancellationToken))?.Status, Is.EqualTo(JobStatus.Running));
    }

    /// <summary>Npgsql takes a statement that fails in the very use that prepares it for prepared, without knowing its columns.</summary>
    [Test]
    public async Task One_that_cannot_be_written_is_no_trouble_to_the_next([Range(0, 6)] int before, CancellationToken cancellationToken)
    {
        await using var store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        for (var i = 0; i < before; i++)
        {
            await BeginAsync(writer, NewJob("before"), isDurable: true).WaitAsync(cancellationToken);
        }
        Assert.That(
            async () => await BeginAsync(writer, NewJob("no\0text"), isDurable: true),
            Throws.InstanceOf<PostgresException>());

        var next = await BeginAsync(writer, NewJob("next"), isDurable: true).WaitAsync(cancellationToken);

        Assert.That((await new JobStore(_store).FindAsync(next.Id, cancellationToken))?.Status, Is.EqualTo(JobStatus.Running));
    }

    [Test]
    public async Task An_end_is_written_once_and_only_on_a_record_that_is_there(CancellationToken cancellationToken)
    {
        var job = await BeginAsync(_writer, NewJob("ended"), isDurable: true).WaitAsync(cancellationToken);
        var progress = new JobProgress { RowCount = 3, Truncated = false };

        var first = await EndAsync(_writer, job, JobStatus.Succeeded, progress);
        var second = await EndAsync(_writer, job, JobStatus.Failed, progress);
        var unknown =
            await EndAsync(_writer, NewJob("never begun") with { IsSync = false }, JobStatus.Succeeded, progress);

        var stored = await new JobStore(_store).FindAsync(job.Id, cancellationToken);
        Assert.That(
            new[] { first?.Status, second?.Status, unknown?.Status },
            Is.EqualTo(new JobStatus?[] { JobStatus.Succeeded, JobStatus.Succeeded, null }));
        Assert.That((stored?.Status, stored?.Progress.RowCount, stored?.FinishedAt), Is.EqualTo(((JobStatus?)JobStatus.Succeeded, (long?)3, first!.FinishedAt)));
    }

    [Test]
    public async Task What_many_attempts_write_at_one_time_shares_transactions_and_each_gets_its_own_answer(
        CancellationToken cancellationToken)
    {
        await using var database = await TestDatabase.CreateStoreAsync();
        await using var store = Open(database);
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        var jobs = await BeginManyAsync(writer, "running", 60);
        var stale = jobs.Select(job => job with { Attempt = 2 }).ToArray(); // there is no such attempt
        await database.ExecuteAsync(
            "insert into heimdall.job_attempt (job_id, attempt, worker) select id, 1, 'worker' from heimdall.job",
            cancellationToken);

        var evidence = await AllAsync(
            jobs, (job, _) => writer.RecordEvidenceAsync(job with { Attempt = 1 }, $"of {job.Id}", cancellationToken));
        var forEvidence = await database.ScalarAsync<long>(
            "select count(distinct xmin::text) from heimdall.job_attempt", cancellationToken);
        var refused = await AllAsync(
            stale, (job, _) => writer.ConfirmAsync(job with { Attempt = 2 }, new JobProgress(), Lease, cancellationToken));
        var confirmed = await AllAsync(
            jobs,
            (job, i) => writer.ConfirmAsync(job, new JobProgress { Statements = i }, Lease, cancellationToken));
        var forConfirmations = await database.ScalarAsync<long>(
            "select count(distinct xmin::text) from heimdall.job", cancellationToken);
        var progress = await database.ColumnAsync<long>(
            "select statements from heimdall.job order by statements", cancellationToken);
        var ended = await AllAsync(jobs, (job, i) => writer.EndAsync(
            new Ending(job with { IsSync = false }, JobStatus.Succeeded, isDurable: true)
            {
                Progress = new JobProgress { Statements = i },
                Log = [new NewLogPiece(JobLogStream.Stdout, 1, i == 7 ? "no\0text\n" : $"line of {i}\n")],
            }));

        Assert.That(new[] { forEvidence, forConfirmations }, Has.All.LessThan(jobs.Length / 2), "transactions");
        Assert.That(evidence.Concat(confirmed), Is.All.EqualTo(JobStatus.Running));
        Assert.That(refused, Is.All.Null);
        Assert.That(progress, Is.EqualTo(Enumerable.Range(0, jobs.Length)));
        Assert.That(ended.Select(job => job?.Progress.Statements), Is.EqualTo(Enumerable.Range(0, jobs.Length)));
        Assert.That(
            await database.ColumnAsync<string>(
                """
                select coalesce(lines, '') from heimdall.job left join heimdall.job_log on job_id = job.id
                order by statements
                """,
                cancellationToken),
            Is.EqualTo(Enumerable.Range(0, jobs.Length).Select(i => i == 7 ? "" : $"line of {i}\n")),
            "a line that cannot be stored costs no job its end");
        Assert.That(
            await database.ColumnAsync<string>(
                """
                select distinct concat_ws(' ', status, outcome, evidence = 'of ' || id)
                from heimdall.job join heimdall.job_attempt on job_id = id
                """,
                cancellationToken),
            Is.EqualTo(new[] { "SUCCEEDED SUCCEEDED t" }));
    }

    [Test]
    public async Task What_was_given_up_before_it_was_sent_is_never_written_and_what_was_sent_says_that_it_was_not_run(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_database.ConnectionString);
        await using var store = new StoreDatabase(proxy.Through(_database.ConnectionString), "heimdall", "hangfire", ConnectionLimits.ForApi);
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        await BeginManyAsync(writer, "before");

        proxy.Freeze();
        var jobs = Enumerable.Range(0, 300).Select(_ => NewJob("frozen")).ToArray(); // more than the lanes can take
        var limit = TimeSpan.FromSeconds(1);
        var ends = await AllAsync(
            jobs, (job, _) => EndOfAsync(BeginAsync(writer, job, isDurable: true, limit: limit)));
        proxy.Thaw();
        await BeginManyAsync(writer, "after");

        var inDoubt = jobs.Where((_, i) => ends[i] is RecordInDoubtException).Select(job => job.Id).Order().ToArray();
        Assert.That(ends, Has.All.InstanceOf<RecordInDoubtException>().Or.InstanceOf<TimeoutException>());
        Assert.That(inDoubt, Has.Length.InRange(1, jobs.Length - 1));
        await Eventually.Becomes(() => _database.ColumnAsync<Guid>(
            "select id from heimdall.job where name = 'frozen' and status = 'FAILED' and error like '%was not run%' order by id", cancellationToken), () => Is.EqualTo(inDoubt), cancellationToken);
        Assert.That(await _database.ScalarAsync<long>("select count(*) from heimdall.job where name = 'frozen'", cancellationToken), Is.EqualTo(inDoubt.Length));
    }

    [Test]
    public async Task A_caller_who_goes_does_not_wait_for_a_store_that_is_silent(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_database.ConnectionString);
        await using var store = new StoreDatabase(proxy.Through(_database.ConnectionString), "heimdall", "hangfire", ConnectionLimits.ForApi);
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        using var caller = new CancellationTokenSource();
        proxy.Freeze();
        var begin = writer.BeginAsync(
            NewJob("gone"), "worker", Lease, isDurable: true, Timeout.InfiniteTimeSpan, caller.Token);

        await caller.CancelAsync();

        Assert.That(async () => await begin.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(cancellationToken.IsCancellationRequested, Is.False);
        proxy.Thaw();
        await BeginManyAsync(writer, "after the caller");
        Assert.That(await _database.ScalarAsync<long>("select count(*) from heimdall.job where name = 'gone'", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_caller_who_goes_while_the_beginning_is_written_has_canceled_it(CancellationToken cancellationToken)
    {
        using var caller = new CancellationTokenSource();
        await using var holder = await HoldAsync("left", cancellationToken);
        var job = NewJob("left");
        var begin = _writer.BeginAsync(job, "worker", Lease, isDurable: true, Timeout.InfiniteTimeSpan, caller.Token);
        await WaitUntilHeldAsync("left", cancellationToken);

        await caller.CancelAsync();
        Assert.That(async () => await begin, Throws.InstanceOf<OperationCanceledException>());
        await holder.CloseAsync();

        var stored = await Eventually.Becomes(
            () => new JobStore(_store).FindAsync(job.Id, cancellationToken),
            () => Is.Not.Null.And.Matches<Job>(found => found?.Status.IsFinal() == true), cancellationToken);
        Assert.That(
            (stored!.Status, stored.CanceledBy, stored.Failure), Is.EqualTo((JobStatus.Canceled, job.User, (JobFailure?)null)));
    }

    [Test]
    public async Task A_beginning_whose_answer_was_lost_ends_as_one_that_was_not_run(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_database.ConnectionString);
        await using var store = new StoreDatabase(proxy.Through(_database.ConnectionString), "heimdall", "hangfire", ConnectionLimits.ForApi);
        await using var writer = new AttemptWriter(store, NullLogger<AttemptWriter>.Instance);
        await using var holder = await HoldAsync("lost", cancellationToken);
        var job = NewJob("lost");
        var begin = BeginAsync(writer, job, isDurable: true);
        await WaitUntilHeldAsync("lost", cancellationToken);

        await proxy.CutAsync();
        Assert.That(async () => await begin, Throws.InstanceOf<RecordInDoubtException>());
        proxy.Mend();
        await holder.CloseAsync();

        var stored = await Eventually.Becomes(
            () => new JobStore(_store).FindAsync(job.Id, cancellationToken), () => Is.Not.Null.And.Matches<Job>(found => found?.Status.IsFinal() == true), cancellationToken);
        Assert.That((stored!.Status, stored.Attempt), Is.EqualTo((JobStatus.Failed, 1)));
        Assert.That(stored.Failure?.Message, Does.Contain("was not run"));
    }

    [Test]
    public async Task An_unexpected_error_is_logged_and_drops_no_end(CancellationToken cancellationToken)
    {
        var file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"unflushed-{Guid.NewGuid():N}.log");
        using var log = new LogFile(file);
        var isBroken = true;
        var written = new ConcurrentQueue<Guid>();
        var jobs = new[] { NewJob("lost end"), NewJob("lost end") }; // the store has neither, as after a crash
        await using (var ends = new UnflushedEnds(_store, WriteAsync, log.CreateLogger("ends")))
        {
            foreach (var job in jobs)
            {
                ends.Add(
                    new Ending(job, JobStatus.Succeeded, isDurable: false) { Progress = new JobProgress() },
                    job with { Status = JobStatus.Succeeded, FinishedAt = DateTime.UtcNow });
            }

            await Eventually.Becomes(
                () => Task.FromResult(written.ToArray()),
                () => Is.EqualTo(jobs.Select(job => job.Id)),
                cancellationToken);
        }

        var lines = await File.ReadAllTextAsync(file, cancellationToken);
        File.Delete(file);
        Assert.That(lines, Does.Contain("fail: ends").And.Contain("out of order"));

        Task<Job?> WriteAsync(Ending ending)
        {
            if (isBroken)
            {
                isBroken = false;
                throw new InvalidOperationException("out of order");
            }
            written.Enqueue(ending.JobId);
            return Task.FromResult<Job?>(ending.Job);
        }
    }

    /// <summary>Holds the commit of jobs of this name until the connection is closed.</summary>
    private async Task<NpgsqlConnection> HoldAsync(string name, CancellationToken cancellationToken)
    {
        await _database.ExecuteAsync(
            $"""
            create function heimdall.hold_{name}() returns trigger language plpgsql as
                $$ begin perform pg_advisory_xact_lock(hashtext('{name}')); return null; end $$;
            create constraint trigger hold_{name} after insert on heimdall.job deferrable initially deferred
                for each row when (new.name = '{name}') execute function heimdall.hold_{name}()
            """,
            cancellationToken);
        var holder = new NpgsqlConnection($"{_database.ConnectionString};Pooling=false");
        await holder.OpenAsync(cancellationToken);
        await using var hold = new NpgsqlCommand($"select pg_advisory_lock(hashtext('{name}'))", holder);
        await hold.ExecuteNonQueryAsync(cancellationToken);
        return holder;
    }

    private Task WaitUntilHeldAsync(string name, CancellationToken cancellationToken) => Eventually.Is(
        () => _database.ScalarAsync<bool>(
            $"""
            select exists (
                select from pg_locks join pg_database on pg_database.oid = pg_locks.database
                where locktype = 'advisory' and not granted and datname = current_database()
                    and objid::bigint = hashtext('{name}')::bigint & 4294967295)
            """,
            cancellationToken),
        cancellationToken);

    private static StoreDatabase Open(TestDatabase database) =>
        new StoreDatabase(database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);

    private static Task<Job> BeginAsync(AttemptWriter writer, Job job, bool isDurable, TimeSpan? limit = null) =>
        writer.BeginAsync(job, "worker", Lease, isDurable, limit ?? Timeout.InfiniteTimeSpan, CancellationToken.None);

    private static Task<Job[]> BeginManyAsync(AttemptWriter writer, string name, int count = 300) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(_ => BeginAsync(writer, NewJob(name), isDurable: count < 300)));

    private static Task<T[]> AllAsync<T>(IEnumerable<Job> jobs, Func<Job, int, Task<T>> write) =>
        Task.WhenAll(jobs.Select(write));

    private static Task<Job?> EndAsync(AttemptWriter writer, Job job, JobStatus status, JobProgress progress) =>
        writer.EndAsync(new Ending(job, status, isDurable: true) { Progress = progress });

    private static Task<IReadOnlyList<AttemptWriteAnswer>> EndAllAsync(NpgsqlConnection connection, Job[] jobs) =>
        AttemptWriteBatch.WriteAsync(connection, [.. jobs.Select(NewEnding)]);

    private static Ending NewEnding(Job job) =>
        new(job, JobStatus.Succeeded, isDurable: true) { Progress = new JobProgress() };

    private static async Task<Exception?> EndOfAsync(Task begin)
    {
        await begin.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return begin.Exception?.InnerException;
    }

    private static Job NewJob(string name) => new()
    {
        Id = Guid.CreateVersion7(),
        Name = name,
        Version = "",
        User = "test",
        Status = JobStatus.Running,
        IsSync = true,
        ReturnResult = true,
        CommandId = "command",
        CommandName = "command",
        ClusterId = "cluster",
        ClusterName = "cluster",
        Context = [],
        Attempt = 1,
    };
}
