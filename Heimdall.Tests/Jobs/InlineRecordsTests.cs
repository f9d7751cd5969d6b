using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>Records of inline queries that share a transaction.</summary>
[Parallelizable(ParallelScope.All)]
[CancelAfter(60_000)]
public sealed class InlineRecordsTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private InlineRecords _records = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateAsync();
        _store = await PrepareAsync(_database);
        _records = new InlineRecords(_store);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task One_that_cannot_be_written_is_no_trouble_to_the_others([Values] bool isDurable, CancellationToken cancellationToken)
    {
        var good = Enumerable.Range(0, 200).Select(_ => BeginAsync(_records, NewJob("good"), isDurable)).ToArray();
        var bad = BeginAsync(_records, NewJob("no\0text"), isDurable);
        var more = Enumerable.Range(0, 200).Select(_ => BeginAsync(_records, NewJob("good"), isDurable)).ToArray();

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
        await using var database = await TestDatabase.CreateAsync(); // whoever else waits for a lock would count
        await using var store = await PrepareAsync(database);
        var records = new InlineRecords(store);
        var jobs = await Task.WhenAll(Enumerable.Range(0, 9).Select(_ => BeginAsync(records, NewJob("running"), isDurable: true))).WaitAsync(cancellationToken);
        Array.Sort(jobs, (one, other) => other.Id.CompareTo(one.Id));
        await using var holder = new NpgsqlConnection(database.ConnectionString);
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using (var hold = new NpgsqlCommand("select from heimdall.job where id = $1 for update", holder, transaction) { Parameters = { new() { Value = jobs[4].Id } } })
        {
            await hold.ExecuteNonQueryAsync(cancellationToken);
        }
        await using var connection = await store.Lifeline.OpenConnectionAsync(cancellationToken);
        Func<Task>[] writers = [() => EndAllAsync(connection, jobs), () => new JobClaims(store).RenewAsync([.. jobs.Reverse().Select(job => (job.Id, 1))], Lease, cancellationToken)];
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

        var job = await BeginAsync(_records, NewJob("again"), isDurable: true).WaitAsync(cancellationToken);

        Assert.That((await new JobStore(_store).FindAsync(job.Id, cancellationToken))?.Status, Is.EqualTo(JobStatus.Running));
    }

    /// <summary>Npgsql takes a statement that fails in the very use that prepares it for prepared, without knowing its columns.</summary>
    [Test]
    public async Task One_that_cannot_be_written_is_no_trouble_to_the_next([Range(0, 6)] int before, CancellationToken cancellationToken)
    {
        await using var store = new StoreDatabase(_database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        var records = new InlineRecords(store);
        for (var i = 0; i < before; i++)
        {
            await BeginAsync(records, NewJob("before"), isDurable: true).WaitAsync(cancellationToken);
        }
        Assert.That(async () => await BeginAsync(records, NewJob("no\0text"), isDurable: true), Throws.InstanceOf<PostgresException>());

        var next = await BeginAsync(records, NewJob("next"), isDurable: true).WaitAsync(cancellationToken);

        Assert.That((await new JobStore(_store).FindAsync(next.Id, cancellationToken))?.Status, Is.EqualTo(JobStatus.Running));
    }

    [Test]
    public async Task An_end_is_written_once_and_only_on_a_record_that_is_there(CancellationToken cancellationToken)
    {
        var job = await BeginAsync(_records, NewJob("ended"), isDurable: true).WaitAsync(cancellationToken);
        var progress = new JobProgress { RowCount = 3, Truncated = false };

        var first = await _records.EndAsync(job, JobStatus.Succeeded, failure: null, progress, isDurable: true);
        var second = await _records.EndAsync(job, JobStatus.Failed, failure: null, progress, isDurable: true);
        var unknown = await _records.EndAsync(NewJob("never begun"), JobStatus.Succeeded, failure: null, progress, isDurable: true);

        var stored = await new JobStore(_store).FindAsync(job.Id, cancellationToken);
        Assert.That((first?.Status, second, unknown), Is.EqualTo(((JobStatus?)JobStatus.Succeeded, (Job?)null, (Job?)null)));
        Assert.That((stored?.Status, stored?.Progress.RowCount, stored?.FinishedAt), Is.EqualTo(((JobStatus?)JobStatus.Succeeded, (long?)3, first!.FinishedAt)));
    }

    [Test]
    public async Task What_was_given_up_before_it_was_sent_is_never_written_and_what_was_sent_says_that_it_was_not_run(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_database.ConnectionString);
        await using var store = new StoreDatabase(proxy.Through(_database.ConnectionString), "heimdall", "hangfire", ConnectionLimits.ForApi);
        var records = new InlineRecords(store);
        await BeginManyAsync(records, "before");

        proxy.Freeze();
        var jobs = Enumerable.Range(0, 300).Select(_ => NewJob("frozen")).ToArray(); // more than the lanes can take
        var ends = await Task.WhenAll(jobs.Select(job => EndOfAsync(BeginAsync(records, job, isDurable: true, patience: TimeSpan.FromSeconds(1))))).WaitAsync(cancellationToken);
        proxy.Thaw();
        await BeginManyAsync(records, "after");

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
        var records = new InlineRecords(store);
        using var caller = new CancellationTokenSource();
        proxy.Freeze();
        var begin = records.BeginAsync(NewJob("gone"), "worker", Lease, isDurable: true, Timeout.InfiniteTimeSpan, caller.Token);

        await caller.CancelAsync();

        Assert.That(async () => await begin.WaitAsync(cancellationToken), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(cancellationToken.IsCancellationRequested, Is.False);
        proxy.Thaw();
        await BeginManyAsync(records, "after the caller");
        Assert.That(await _database.ScalarAsync<long>("select count(*) from heimdall.job where name = 'gone'", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_beginning_whose_answer_was_lost_ends_as_one_that_was_not_run(CancellationToken cancellationToken)
    {
        await using var proxy = new TcpProxy(_database.ConnectionString);
        await using var store = new StoreDatabase(proxy.Through(_database.ConnectionString), "heimdall", "hangfire", ConnectionLimits.ForApi);
        var records = new InlineRecords(store);
        await using var holder = new NpgsqlConnection(_database.ConnectionString);
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using (var hold = new NpgsqlCommand("select pg_advisory_xact_lock(hashtext('lost'))", holder, transaction))
        {
            await hold.ExecuteNonQueryAsync(cancellationToken);
        }
        await _database.ExecuteAsync(
            """
            create or replace function heimdall.hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(hashtext('lost')); return null; end $$;
            create constraint trigger hold after insert on heimdall.job deferrable initially deferred for each row when (new.name = 'lost') execute function heimdall.hold()
            """,
            cancellationToken);
        var job = NewJob("lost");
        var begin = BeginAsync(records, job, isDurable: true);
        await Eventually.Is(() => _database.ScalarAsync<bool>("select exists (select from pg_locks where locktype = 'advisory' and not granted)", cancellationToken), cancellationToken);

        await proxy.CutAsync();
        Assert.That(async () => await begin, Throws.InstanceOf<RecordInDoubtException>());
        proxy.Mend();
        await transaction.CommitAsync(cancellationToken);

        var stored = await Eventually.Becomes(
            () => new JobStore(_store).FindAsync(job.Id, cancellationToken), () => Is.Not.Null.And.Matches<Job>(found => found?.Status.IsFinal() == true), cancellationToken);
        Assert.That((stored!.Status, stored.Attempt), Is.EqualTo((JobStatus.Failed, 1)));
        Assert.That(stored.Failure?.Message, Does.Contain("was not run"));
    }

    private static async Task<StoreDatabase> PrepareAsync(TestDatabase database)
    {
        var store = new StoreDatabase(database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        await new StoreMigrator(store, NullLogger<StoreMigrator>.Instance).MigrateAsync(_ => Task.CompletedTask, CancellationToken.None);
        return store;
    }

    private static Task<Job> BeginAsync(InlineRecords records, Job job, bool isDurable, TimeSpan? patience = null) =>
        records.BeginAsync(job, "worker", Lease, isDurable, patience ?? Timeout.InfiniteTimeSpan, CancellationToken.None);

    private static Task<Job[]> BeginManyAsync(InlineRecords records, string name) =>
        Task.WhenAll(Enumerable.Range(0, 300).Select(_ => BeginAsync(records, NewJob(name), isDurable: false)));

    private static Task<InlineRecordAnswer[]> EndAllAsync(NpgsqlConnection connection, Job[] jobs) => InlineRecordBatch.WriteAsync(
        connection, [.. jobs.Select(job => new InlineEnding(job, JobStatus.Succeeded, failure: null, new JobProgress(), isDurable: true))]);

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
