using System.Reflection;
using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Queue.Storage;
using Heimdall.Tests.Support;
using NUnit.Framework;
using Job = Heimdall.Core.Jobs.Job;

namespace Heimdall.Tests.Storage;

/// <summary>
/// What is particular to Heimdall's own storage: what it does without lock rows, and beside the stock storage.
/// </summary>
[CancelAfter(90_000)]
public sealed class EntryStorageTests
{
    /// <summary>Times, ids, milliseconds, and where an exception passed in the runtime.</summary>
    private const string Varying =
        """\d{4}-\d\d-\d\d[T ][\d:.+Z]+|[0-9a-f]{8}-[0-9a-f-]{27}|"+(Latency|PerformanceDuration)"+: "+\d+"+"""
        + """|1\d{9,12}|"+ExceptionDetails"+: "+[^"]*""";

    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    private static readonly JobIds _ids = new(TimeProvider.System);

    private StorageTestStore _store = null!;
    private JobStorage _ours = null!;

    [SetUp]
    public async Task Start()
    {
        _store = await StorageTestStore.CreateAsync();
        _ours = await _store.OpenAsync("heimdall");
    }

    [TearDown]
    public async Task Stop() => await _store.DisposeAsync();

    [Test]
    public async Task A_worker_of_a_claimed_job_looks_at_no_lock_row(CancellationToken cancellationToken)
    {
        var id = Claim("claimed");
        await using var lockRow = await HoldLockAsync(id, cancellationToken);

        _ours.Work(RowQueue.Name, cancellationToken);

        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        Assert.That(StorageWork.Noted.Count(noted => noted == "claimed"), Is.EqualTo(1));
    }

    [Test]
    public async Task Who_has_not_claimed_the_job_waits_for_the_lock_row(CancellationToken cancellationToken)
    {
        var id = _ours.Enqueue(RowQueue.Name);
        var lockRow = await HoldLockAsync(id, cancellationToken);

        var change = OnThread(() => _ours.Change(id, new DeletedState()));
        await Eventually.Is(() => IsWaitedForAsync(lockRow, cancellationToken), cancellationToken);
        Assert.That(_ours.StateOf(id), Is.EqualTo("Enqueued"));
        await lockRow.DisposeAsync();
        await change;

        Assert.That(_ours.StateOf(id), Is.EqualTo("Deleted"));
        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from hangfire.lock", cancellationToken), Is.Zero);
    }

    [TestCase("recurring-jobs:lock")]
    [TestCase("locks:schedulepoller")]
    public void Nobody_waits_until_another_scheduler_has_done_what_is_due(string resource)
    {
        using var one = _ours.Connect();
        using var other = _ours.Connect();

        using var held = one.AcquireDistributedLock(resource, LockTimeout);

        // Who waited would get it: it is taken for a dead process's before this time is over.
        Assert.That(
            () => other.AcquireDistributedLock(resource, TimeSpan.FromMinutes(1)),
            Throws.InstanceOf<DistributedLockTimeoutException>());
    }

    [Test]
    public void A_worker_writes_nothing_over_a_state_that_it_has_not_read(CancellationToken cancellationToken)
    {
        var id = Claim("");
        using var worker = _ours.Connect();
        using var fetched = worker.FetchNextJob([RowQueue.Name], cancellationToken);
        using var held = worker.AcquireDistributedLock($"job:{id}:state-lock", LockTimeout);
        worker.GetJobData(id);
        _ours.Change(id, new DeletedState());

        using (var transaction = worker.CreateWriteTransaction())
        {
            transaction.SetJobState(id, new RunningState("late"));
            transaction.IncrementCounter("counter");
            Assert.That(transaction.Commit, Throws.InstanceOf<EntryChangedException>());
        }

        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Deleted" }));
        Assert.That(worker.GetCounter("counter"), Is.Zero);
        Assert.That(worker.GetJobData(id)!.State, Is.EqualTo("Deleted"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task The_entry_of_a_first_attempt_is_checked_when_it_is_written(
        bool isDeleted, CancellationToken cancellationToken)
    {
        var job = (await _store.Queues[_ours].EnqueueAsync([NewJob()], key: null, cancellationToken))![0];
        var id = await _store.Database.ScalarAsync<string>(
            "select queue_id from heimdall.job where id = $1", cancellationToken, job.Id);
        _store.Claimed.Add(job with { QueueId = id, Attempt = 1 });
        using var worker = _ours.Connect();
        using var fetched = worker.FetchNextJob([RowQueue.Name], cancellationToken);
        if (isDeleted)
        {
            _ours.Change(id, new DeletedState());
        }

        using var held = worker.AcquireDistributedLock($"job:{id}:state-lock", LockTimeout);
        var known = worker.GetJobData(id)!;
        var written = Change(worker, id, new RunningState("worker"), "Enqueued");

        Assert.That(
            (known.State, known.Job.ToString(), known.Job.Args[0]),
            Is.EqualTo(("Enqueued", "IJobRunner.RunAsync", job.Id)), "as it was made");
        Assert.That(written?.Name, Is.EqualTo(isDeleted ? null : "Processing"));
        Assert.That(
            _ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", isDeleted ? "Deleted" : "Processing" }));
        Assert.That(_ours.StateOf(id), Is.EqualTo(isDeleted ? "Deleted" : "Processing"));
    }

    [Test]
    public void Nobody_writes_anything_over_the_state_that_a_worker_has_written(CancellationToken cancellationToken)
    {
        var id = Claim("");
        using var late = _ours.Connect();
        using var held = late.AcquireDistributedLock($"job:{id}:state-lock", LockTimeout);
        late.GetJobData(id);
        _ours.Work(RowQueue.Name, cancellationToken);

        using (var transaction = late.CreateWriteTransaction())
        {
            transaction.SetJobState(id, new ScheduledState(TimeSpan.FromDays(1)));
            transaction.AddToSet("set", "value");
            transaction.AddToQueue("other", id);
            Assert.That(transaction.Commit, Throws.InstanceOf<EntryChangedException>());
        }

        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        Assert.That(late.GetSetCount("set"), Is.Zero);
        Assert.That(_ours.GetMonitoringApi().EnqueuedCount("other"), Is.Zero);
    }

    [Test]
    public async Task A_row_that_somebody_has_locked_keeps_no_other_entry_waiting(CancellationToken cancellationToken)
    {
        var id = Claim("locked");
        await using var holder = new Npgsql.NpgsqlConnection(_store.Database.ConnectionString);
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using var holding = new Npgsql.NpgsqlCommand(
            $"select from hangfire.job where id = {id} for update", holder);
        await holding.ExecuteNonQueryAsync(cancellationToken);
        var blocked = OnThread(() => Work(cancellationToken));

        await Eventually.Is(() => Task.FromResult(_store.Claimed.IsEmpty), cancellationToken);
        var other = Claim("free");
        _ours.Work(RowQueue.Name, cancellationToken);

        Assert.That(_ours.StateOf(other), Is.EqualTo("Succeeded"));
        Assert.That((blocked.IsCompleted, _ours.StateOf(id)), Is.EqualTo((false, "Enqueued")));
        await transaction.RollbackAsync(cancellationToken);
        await blocked;
        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
    }

    [Test]
    public async Task Beside_a_stock_server_a_worker_waits_for_the_lock_row(CancellationToken cancellationToken)
    {
        var id = Claim("beside");
        await AnnounceStockServerAsync(cancellationToken);
        var lockRow = await HoldLockAsync(id, cancellationToken);

        var work = OnThread(() => Work(cancellationToken));
        await Eventually.Is(() => IsWaitedForAsync(lockRow, cancellationToken), cancellationToken);
        Assert.That(_ours.StateOf(id), Is.EqualTo("Enqueued"));
        await lockRow.DisposeAsync();
        await work;

        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from hangfire.lock", cancellationToken), Is.Zero);
    }

    [TestCase(false, Description = "a state alone, which is written with others of its kind")]
    [TestCase(true, Description = "a state with more, which the stock storage writes")]
    public async Task A_stock_server_that_comes_between_read_and_write_is_noticed(
        bool more, CancellationToken cancellationToken)
    {
        var id = Claim("");
        using var worker = _ours.Connect();
        using var fetched = worker.FetchNextJob([RowQueue.Name], cancellationToken);
        using var held = worker.AcquireDistributedLock($"job:{id}:state-lock", LockTimeout);
        worker.GetJobData(id);
        await AnnounceStockServerAsync(cancellationToken);

        using var transaction = worker.CreateWriteTransaction();
        transaction.SetJobState(id, new RunningState("worker"));
        if (more)
        {
            transaction.AddToSet("set", "value");
        }
        Assert.That(transaction.Commit, Throws.InstanceOf<EntryChangedException>());

        Assert.That((_ours.StateOf(id), worker.GetSetCount("set")), Is.EqualTo(("Enqueued", 0)));
    }

    [TestCase("{}")]
    [TestCase("""{"Heimdall": "22"}""", Description = "it has stepped aside, or knows only another schema")]
    public async Task A_server_that_may_be_on_the_stock_storage_is_one(string data, CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            "insert into hangfire.server (id, data, lastheartbeat) values ('other', $1::text::jsonb, now())",
            cancellationToken, data);
        await NoteLocksAsync(cancellationToken);
        var id = Claim("");

        Work(cancellationToken);

        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        Assert.That(await LockedAsync(cancellationToken), Is.EqualTo(new[] { id }));
    }

    [Test]
    public async Task Beside_a_server_on_the_stock_storage_all_jobs_end_once(CancellationToken cancellationToken)
    {
        var stock = await _store.OpenAsync("stock");
        var options = new BackgroundJobServerOptions
        {
            Queues = ["stock"],
            WorkerCount = 2,
            Activator = new JobActivator(), // Hangfire's own, of the process, belongs to the host that was started last
        };
        using var server = new BackgroundJobServer(options, stock);
        await Eventually.Is(
            () => _store.Database.ScalarAsync<bool>("select exists (select from hangfire.server)", cancellationToken),
            cancellationToken);
        await NoteLocksAsync(cancellationToken);

        var theirs = Enumerable.Range(0, 10).Select(_ => _ours.Enqueue("stock")).ToArray();
        var ours = Enumerable.Range(0, 10).Select(_ => Claim("")).ToArray();
        await OnThread(() => Array.ForEach(ours, _ => Work(cancellationToken)));
        await Eventually.Is(
            () => Task.FromResult(Array.TrueForAll(theirs, id => _ours.StateOf(id) == "Succeeded")), cancellationToken);

        Assert.That(
            theirs.Concat(ours).Select(id => string.Join(' ', _ours.HistoryOf(id))),
            Is.All.EqualTo("Enqueued Processing Succeeded"));
        Assert.That(await LockedAsync(cancellationToken), Is.EquivalentTo(theirs.Concat(ours)));
    }

    [Test]
    public void A_worker_writes_nothing_over_another_that_processes_the_job(CancellationToken cancellationToken)
    {
        var id = Claim("");
        _store.Claimed.Add(id);
        using var first = _ours.Connect();
        using var next = _ours.Connect();
        using var fetched = first.FetchNextJob([RowQueue.Name], cancellationToken);
        using var fetchedNext = next.FetchNextJob([RowQueue.Name], cancellationToken);
        Change(first, id, new RunningState("one"), "Enqueued");
        Change(next, id, new RunningState("other"), "Processing");

        var handedBack = Change(first, id, new EnqueuedState(RowQueue.Name), "Processing");

        Assert.That(handedBack, Is.Null);
        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Processing" }));
        Assert.That(Change(next, id, new SucceededState(null, 1, 1), "Processing")?.Name, Is.EqualTo("Succeeded"));
    }

    [Test]
    public void A_slot_that_comes_late_writes_nothing_over_the_newer_one(CancellationToken cancellationToken)
    {
        var id = _ours.Enqueue(RowQueue.Name, "");
        var putBack = _store.Claimed.Add(id);
        using var late = _ours.Connect();
        using var fetched = late.FetchNextJob([RowQueue.Name], cancellationToken);
        putBack.TryAbandon();
        _store.Claimed.Add(id);
        using var next = _ours.Connect();
        using var fetchedNext = next.FetchNextJob([RowQueue.Name], cancellationToken);
        Change(next, id, new RunningState("next"), "Enqueued");

        var processing = Change(late, id, new RunningState("late"), "Enqueued", "Processing");
        var failed = Change(late, id, new FailedState(new TimeoutException()), "Enqueued", "Processing");

        Assert.That((processing, failed), Is.EqualTo(((IState?)null, (IState?)null)));
        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing" }));
    }

    [Test]
    public async Task A_server_of_ours_is_marked(CancellationToken cancellationToken)
    {
        var stock = await _store.OpenAsync("stock");
        using var connection = _ours.Connect();
        using var other = stock.Connect();

        connection.AnnounceServer("ours", new ServerContext { Queues = ["a"], WorkerCount = 1 });
        other.AnnounceServer("stock", new ServerContext { Queues = ["a"], WorkerCount = 1 });

        var marked = await _store.Database.ColumnAsync<string>(
            "select id from hangfire.server where data ? 'Heimdall'", cancellationToken);
        Assert.That(marked, Is.EqualTo(new[] { "ours" }));
        Assert.That(
            _ours.GetMonitoringApi().Servers().Select(server => (server.Name, server.WorkersCount)),
            Is.EquivalentTo(new[] { ("ours", 1), ("stock", 1) }));
    }

    [Test]
    public async Task Workers_and_those_who_delete_make_no_second_end(CancellationToken cancellationToken)
    {
        var stock = await _store.OpenAsync("stock");
        var ids = Enumerable.Range(0, 40).Select(_ => Claim("")).ToArray();

        await Task.WhenAll(
        [
            .. Enumerable.Range(0, 4).Select(_ => OnThread(() =>
            {
                for (var done = 0; done < ids.Length / 4; done++)
                {
                    Work(cancellationToken);
                }
            })),
            OnThread(() => Array.ForEach(ids, id => _ours.Change(id, new DeletedState(), "Enqueued"))),
        ]);

        Assert.That(
            ids.Select(id => string.Join(' ', _ours.HistoryOf(id))),
            Is.All.EqualTo("Enqueued Processing Succeeded").Or.EqualTo("Enqueued Deleted"));
        var ended = ids.Count(id => _ours.StateOf(id) == "Succeeded");
        Assert.That(stock.GetMonitoringApi().GetStatistics().Succeeded, Is.EqualTo(ended));
    }

    [Test]
    public async Task On_a_schema_that_it_does_not_know_it_steps_aside(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync("update hangfire.schema set version = version + 1", cancellationToken);

        var aside = await _store.OpenAsync("heimdall");

        using var connection = aside.GetConnection();
        Assert.That(connection, Is.InstanceOf<Hangfire.PostgreSql.PostgreSqlConnection>());
        var id = aside.Enqueue("queue");
        aside.Work("queue", cancellationToken);
        Assert.That(aside.StateOf(id), Is.EqualTo("Succeeded"));
    }

    [Test]
    public async Task A_schema_that_changes_while_it_runs_is_noticed(CancellationToken cancellationToken)
    {
        var id = Claim("");
        await _store.Database.ExecuteAsync("update hangfire.schema set version = version + 1", cancellationToken);

        Work(cancellationToken);
        var created = await _store.Queues[_ours].EnqueueAsync([NewJob()], key: null, cancellationToken);

        Assert.That(_ours.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        Assert.That(((EntryStorage)_ours).IsAside, Is.True);
        Assert.That(await EntryOfAsync(created![0], cancellationToken), Is.EqualTo("Enqueued"));
    }

    [TestCase(false, Description = "a state alone, which is written with others of its kind")]
    [TestCase(true, Description = "a state with more, which the stock storage writes")]
    public async Task A_worker_without_a_lock_row_writes_nothing_when_its_storage_steps_aside(
        bool more, CancellationToken cancellationToken)
    {
        var id = Claim("");
        using var worker = _ours.Connect();
        using var fetched = worker.FetchNextJob([RowQueue.Name], cancellationToken);
        using (worker.AcquireDistributedLock($"job:{id}:state-lock", LockTimeout))
        {
            worker.GetJobData(id);
            await StepAsideAsync(cancellationToken);

            using var transaction = worker.CreateWriteTransaction();
            transaction.SetJobState(id, new RunningState("worker"));
            if (more)
            {
                transaction.AddToSet("set", "value");
            }
            Assert.That(transaction.Commit, Throws.InstanceOf<EntryChangedException>());
        }
        Assert.That((_ours.StateOf(id), _ours.Read(stock => stock.GetSetCount("set"))), Is.EqualTo(("Enqueued", 0)));
        await NoteLocksAsync(cancellationToken);

        Change(worker, id, new RunningState("worker"), "Enqueued");

        Assert.That(_ours.StateOf(id), Is.EqualTo("Processing"));
        Assert.That(await LockedAsync(cancellationToken), Is.EqualTo(new[] { id }));
    }

    [Test]
    public async Task Who_has_the_lock_row_writes_although_the_storage_steps_aside(CancellationToken cancellationToken)
    {
        var id = _ours.Enqueue(RowQueue.Name);
        using var connection = _ours.Connect();
        using var held = connection.AcquireDistributedLock($"job:{id}:state-lock", LockTimeout);
        connection.GetJobData(id);
        await StepAsideAsync(cancellationToken);

        using var transaction = connection.CreateWriteTransaction();
        transaction.SetJobState(id, new DeletedState());
        transaction.Commit();

        Assert.That(_ours.StateOf(id), Is.EqualTo("Deleted"));
    }

    [Test]
    public async Task A_new_job_that_meets_another_schema_is_put_into_the_queue_all_the_same(
        CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync("update hangfire.schema set version = version + 1", cancellationToken);

        var created = await _store.Queues[_ours].EnqueueAsync([NewJob(), NewJob()], key: null, cancellationToken);

        Assert.That(((EntryStorage)_ours).IsAside, Is.True);
        Assert.That(await EntryOfAsync(created![1], cancellationToken), Is.EqualTo("Enqueued"));
    }

    [TestCase(false)]
    [TestCase(true, Description = "in a transaction of its own")]
    public async Task A_new_job_whose_statement_fails_on_another_schema_is_written_by_the_stock_storage(
        bool hasKey, CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            "update hangfire.schema set version = version + 1; alter sequence hangfire.job_id_seq rename to other_seq",
            cancellationToken);
        var key = hasKey ? new IdempotencyKey("test", "key", [1]) : null;

        var created = await _store.Queues[_ours].EnqueueAsync([NewJob()], key, cancellationToken);

        Assert.That(((EntryStorage)_ours).IsAside, Is.True);
        Assert.That(await EntryOfAsync(created![0], cancellationToken), Is.EqualTo("Enqueued"));
    }

    [Test]
    public async Task Both_storages_make_the_same_entries_of_new_jobs(CancellationToken cancellationToken)
    {
        var stock = await _store.OpenAsync("stock", "stock");

        await AddThreeAsync(stock, cancellationToken);
        var ours = await AddThreeAsync(_ours, cancellationToken);

        var entries = await DumpAsync("hangfire", cancellationToken);
        Assert.That(entries, Has.Count.EqualTo(6).And.EqualTo(await DumpAsync("stock", cancellationToken)));
        Assert.That(
            await _store.Database.ScalarAsync<long>(
                """
                select count(*) from heimdall.job join hangfire.job entry on entry.id = queue_id::bigint
                where job.id = any($1) and entry.arguments ->> 0 = to_json(job.id)::text
                """,
                cancellationToken, ours),
            Is.EqualTo(3));
    }

    [Test]
    public async Task Jobs_that_are_sent_at_one_time_are_each_written_or_refused(CancellationToken cancellationToken)
    {
        var twice = NewJob();
        var jobs = Enumerable.Range(0, 30).Select(_ => NewJob()).Append(twice).ToArray();
        await _store.Queues[_ours].EnqueueAsync([twice], key: null, cancellationToken);

        var created = await Task.WhenAll(jobs.Select(async job =>
        {
            try
            {
                var added = await _store.Queues[_ours].EnqueueAsync([job, NewJob()], key: null, cancellationToken);
                return added is not null;
            }
            catch (Npgsql.PostgresException)
            {
                return false;
            }
        }));

        Assert.That(created, Is.EqualTo(jobs.Select(job => job != twice)));
        Assert.That(
            await _store.Database.ScalarAsync<long>(
                "select count(*) from heimdall.job join hangfire.job entry on entry.id = queue_id::bigint",
                cancellationToken),
            Is.EqualTo(1 + (2 * 30)));
        Assert.That(
            await _store.Database.ScalarAsync<long>("select count(*) from hangfire.job", cancellationToken),
            Is.EqualTo(1 + (2 * 30)));
    }

    [Test]
    public async Task Both_storages_leave_the_same_rows(CancellationToken cancellationToken)
    {
        var stock = await _store.OpenAsync("stock", "stock");

        Live(stock, cancellationToken);
        Live(_ours, cancellationToken);

        Assert.That(
            await DumpAsync("hangfire", cancellationToken), Is.EqualTo(await DumpAsync("stock", cancellationToken)));
    }

    [TestCase(typeof(EntryStorage))]
    [TestCase("Heimdall.Core.Queue.Storage.EntryConnection")]
    [TestCase("Heimdall.Core.Queue.Storage.EntryTransaction")]
    public void Nothing_of_the_stock_storage_is_left_to_a_default(object type)
    {
        var ours = type as Type ?? typeof(EntryStorage).Assembly.GetType((string)type, throwOnError: true)!;

        var left = ours.GetMethods(BindingFlags.Instance | BindingFlags.Public)
            .Where(method => method is { IsVirtual: true, IsFinal: false } && method.DeclaringType != ours
                && method.DeclaringType != typeof(object))
            .Select(method => method.Name);

        // What a job's id would be is not known before the transaction is written; nor to the stock storage.
        string[] allowed = [nameof(JobStorageTransaction.CreateJob), nameof(JobStorageTransaction.Dispose)];
        Assert.That(left, Is.SubsetOf(allowed));
        Assert.That(_ours.HasFeature(JobStorageFeatures.Transaction.CreateJob), Is.False);
    }

    /// <summary>A bit of everything that Hangfire does with jobs.</summary>
    private void Live(JobStorage storage, CancellationToken cancellationToken)
    {
        storage.Enqueue("waiting", "an argument");
        storage.Enqueue("run", "run");
        storage.Work("run", cancellationToken);
        _store.Claimed.Add(storage.Enqueue(RowQueue.Name, "run"));
        storage.Work(RowQueue.Name, cancellationToken);
        _store.Claimed.Add(storage.Client().Create(
            Hangfire.Common.Job.FromExpression(() => StorageWork.Fail("why")), new EnqueuedState(RowQueue.Name))!);
        storage.Work(RowQueue.Name, cancellationToken);
        _store.Claimed.Add(storage.Client().Create(
            Hangfire.Common.Job.FromExpression(() => StorageWork.FailAndTryAgain()), new EnqueuedState(RowQueue.Name))!);
        storage.Work(RowQueue.Name, cancellationToken);
        storage.Client().Create(
            Hangfire.Common.Job.FromExpression(() => StorageWork.FailAndTryAgain()), new EnqueuedState("again"));
        storage.Work("again", cancellationToken);
        storage.Change(storage.Enqueue("delete"), new DeletedState());
        var parent = storage.Enqueue("parent");
        storage.Create(new AwaitingState(parent, new EnqueuedState("child")));
        storage.Work("parent", cancellationToken);
        storage.Create(new ScheduledState(DateTime.UtcNow.AddSeconds(-1)));
        storage.EnqueueScheduled(cancellationToken);
        storage.Create(new ScheduledState(TimeSpan.FromDays(1)));
        var recurring = new RecurringJobManager(storage);
        recurring.AddOrUpdate("recurring", "recurring", () => StorageWork.Note("x"), "0 0 1 1 *");
        recurring.Trigger("recurring");
    }

    /// <summary>All rows of a schema, without what differs from run to run: times and ids.</summary>
    private async Task<List<string>> DumpAsync(string schema, CancellationToken cancellationToken)
    {
        var rows = new List<string>();
        foreach (var (table, columns) in new[]
        {
            ("job", $"""
                id, statename, (select name from "{schema}".state where id = stateid), invocationdata, arguments,
                createdat is null, expireat is null
                """),
            ("state", """
                jobid, row_number() over (partition by jobid order by id), name, reason, data, createdat is null
                """),
            ("jobparameter", "jobid, name, value"),
            ("jobqueue", "jobid, queue, fetchedat"),
            ("counter", "key, sum(value), expireat is null"),
            ("set", "key, value, score >= 0, expireat"),
            ("hash", "key, field, value, expireat"),
            ("list", "key, value, expireat"),
            ("lock", "resource"),
        })
        {
            var group = table == "counter" ? "group by key, expireat is null" : "";
            var found = await _store.Database.ColumnAsync<string>(
                $"""
                select '{table} ' || regexp_replace("row"::text, '{Varying}', '…', 'g')
                from (select {columns} from "{schema}"."{table}" {group}) "row"
                """,
                cancellationToken);
            rows.AddRange(found.Order(StringComparer.Ordinal));
        }
        return rows;
    }

    private static Job NewJob() => new()
    {
        Id = _ids.Next(),
        Name = "new",
        Version = "",
        User = "test",
        Status = JobStatus.Accepted,
        IsSync = false,
        ReturnResult = false,
        CommandId = "main",
        CommandName = "main",
        ClusterId = "main",
        ClusterName = "main",
        Context = [],
    };

    private static Task OnThread(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static Task<T> OnThread<T>(Func<T> action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <returns>The entry of a job that notes its argument, and that this process has claimed.</returns>
    private string Claim(string argument)
    {
        var id = _ours.Enqueue(RowQueue.Name, argument);
        _store.Claimed.Add(id);
        return id;
    }

    private IState? Change(IStorageConnection connection, string id, IState state, params string[] from) =>
        new RepeatingStateChanger(JobFilterProviders.Providers).ChangeState(
            new StateChangeContext(_ours, connection, id, state, from));

    private void Work(CancellationToken cancellationToken) => _ours.Work(RowQueue.Name, cancellationToken);

    private async Task<Guid[]> AddThreeAsync(JobStorage storage, CancellationToken cancellationToken)
    {
        var queue = _store.Queues[storage];
        var one = await queue.EnqueueAsync([NewJob()], key: null, cancellationToken);
        var two = await queue.EnqueueAsync([NewJob(), NewJob()], key: null, cancellationToken);
        return [.. one!.Concat(two!).Select(job => job.Id)];
    }

    private Task<string> EntryOfAsync(Job job, CancellationToken cancellationToken) =>
        _store.Database.ScalarAsync<string>(
            """
            select statename from hangfire.job entry join heimdall.job on entry.id = queue_id::bigint
            where heimdall.job.id = $1
            """,
            cancellationToken, job.Id);

    private async Task StepAsideAsync(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync("update hangfire.schema set version = version + 1", cancellationToken);
        await ((EntryStorage)_ours).LookAtSchemaAsync(cancellationToken);
    }

    /// <summary>From now on the lock rows of entries are counted: see <see cref="LockedAsync"/>.</summary>
    private Task NoteLocksAsync(CancellationToken cancellationToken) => _store.Database.ExecuteAsync(
        """
        create table public.locked (resource text);
        create function public.note_lock() returns trigger language plpgsql as
            'begin insert into public.locked values (new.resource); return null; end';
        create trigger note_lock after insert on hangfire.lock for each row execute function public.note_lock()
        """,
        cancellationToken);

    /// <returns>The entries for whose locks somebody has written a row.</returns>
    private Task<List<string>> LockedAsync(CancellationToken cancellationToken) => _store.Database.ColumnAsync<string>(
        """
        select distinct split_part(resource, ':', 3) from public.locked where resource like 'hangfire:job:%:state-lock'
        """,
        cancellationToken);

    private Task AnnounceStockServerAsync(CancellationToken cancellationToken) => _store.Database.ExecuteAsync(
        """
        insert into hangfire.server (id, data, lastheartbeat)
        values ('old', '{"Queues": ["a"], "WorkerCount": 1}', now())
        """,
        cancellationToken);

    /// <returns>A session that is about to take the lock of an entry, until it is disposed.</returns>
    private async Task<Npgsql.NpgsqlConnection> HoldLockAsync(string id, CancellationToken cancellationToken)
    {
        var holder = new Npgsql.NpgsqlConnection($"{_store.Database.ConnectionString};Pooling=false");
        await holder.OpenAsync(cancellationToken);
        await using var command = new Npgsql.NpgsqlCommand(
            $"begin; insert into hangfire.lock (resource, acquired) values ('hangfire:job:{id}:state-lock', now())",
            holder);
        await command.ExecuteNonQueryAsync(cancellationToken);
        return holder;
    }

    private Task<bool> IsWaitedForAsync(Npgsql.NpgsqlConnection holder, CancellationToken cancellationToken) =>
        _store.Database.ScalarAsync<bool>(
            "select exists (select from pg_stat_activity where pg_blocking_pids(pid) @> array[$1])", cancellationToken,
            holder.ProcessID);
}
