using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Queue;
using NUnit.Framework;

namespace Heimdall.Tests.Storage;

/// <summary>What Hangfire expects of its storage, of the stock one and of ours.</summary>
[TestFixture("stock")]
[TestFixture("heimdall")]
[CancelAfter(60_000)]
public sealed class StorageContract(string kind)
{
    private static int _lastName;

    private StorageTestStore _store = null!;
    private JobStorage _storage = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _store = await StorageTestStore.CreateAsync();
        _storage = await _store.OpenAsync(kind);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _store.DisposeAsync();

    [Test]
    public void A_job_is_created_with_its_state()
    {
        var queue = NewName();

        var id = _storage.Enqueue(queue, "argument");

        var data = _storage.Read(connection => connection.GetJobData(id));
        Assert.That((data.State, data.Job.Method.Name, data.Job.Args[0]), Is.EqualTo(("Enqueued", "Note", "argument")));
        Assert.That(data.CreatedAt, Is.EqualTo(DateTime.UtcNow).Within(TimeSpan.FromMinutes(1)));
        var state = _storage.Read(connection => connection.GetStateData(id));
        Assert.That((state.Name, state.Data["Queue"]), Is.EqualTo(("Enqueued", queue)));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued" }));
    }

    [Test]
    public void A_job_is_created_with_its_parameters_and_without_a_state()
    {
        using var connection = _storage.GetConnection();
        var created = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        var parameters = new Dictionary<string, string?> { ["one"] = "1", ["none"] = null };

        var id = connection.CreateExpiredJob(
            Job.FromExpression(() => StorageWork.Note("x")), parameters!, created, TimeSpan.FromDays(1));

        var data = connection.GetJobData(id);
        Assert.That((data.State, data.CreatedAt), Is.EqualTo(((string?)null, created)));
        Assert.That(
            new[] { "one", "none", "two" }.Select(name => connection.GetJobParameter(id, name)),
            Is.EqualTo(new[] { "1", null, null }));
        Assert.That(_storage.GetMonitoringApi().JobDetails(id).ExpireAt, Is.EqualTo(created.AddDays(1)));
    }

    [Test]
    public void Nothing_is_known_of_a_job_that_is_not_there()
    {
        using var connection = _storage.GetConnection();

        Assert.That(connection.GetJobData("1234567890"), Is.Null);
        Assert.That(connection.GetStateData("1234567890"), Is.Null);
        Assert.That(connection.GetJobParameter("1234567890", "name"), Is.Null);
        Assert.That(_storage.Change("1234567890", new DeletedState()), Is.Null);
    }

    [Test]
    public void A_method_that_is_gone_is_reported_and_its_job_can_be_deleted()
    {
        var id = _storage.Enqueue(NewName());
        Execute($$"""
            update hangfire.job set invocationdata = invocationdata || '{"m": "Gone", "Method": "Gone"}' where id = {{id}}
            """);

        Assert.That(_storage.Read(connection => connection.GetJobData(id)).LoadException, Is.Not.Null);
        _storage.Change(id, new DeletedState());

        Assert.That(_storage.StateOf(id), Is.EqualTo("Deleted"));
    }

    [Test]
    public void Parameters_are_set_and_replaced()
    {
        using var connection = _storage.GetConnection();
        var id = _storage.Enqueue(NewName());

        connection.SetJobParameter(id, "name", "first");
        connection.SetJobParameter(id, "name", "second");
        connection.SetJobParameter(id, "nothing", null);

        Assert.That(connection.GetJobParameter(id, "name"), Is.EqualTo("second"));
        Assert.That(connection.GetJobParameter(id, "nothing"), Is.Null);
        Assert.That(_storage.GetMonitoringApi().JobDetails(id).Properties["name"], Is.EqualTo("second"));
    }

    [Test]
    public void A_state_is_changed_and_stays_in_the_history()
    {
        var id = _storage.Enqueue(NewName());

        _storage.Change(id, new RunningState("worker"));
        _storage.Change(id, new SucceededState(result: 42, latency: 1, performanceDuration: 2));

        Assert.That(_storage.StateOf(id), Is.EqualTo("Succeeded"));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        var state = _storage.Read(connection => connection.GetStateData(id));
        Assert.That((state.Data["Result"], state.Data["Latency"]), Is.EqualTo(("42", "1")));
    }

    [Test]
    public void A_state_is_changed_from_those_that_are_expected_only()
    {
        var id = _storage.Enqueue(NewName());

        var refused = _storage.Change(id, new DeletedState(), "Processing", "Failed");
        var applied = _storage.Change(id, new DeletedState(), "Processing", "Enqueued");

        Assert.That((refused?.Name, applied?.Name), Is.EqualTo(((string?)null, "Deleted")));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Deleted" }));
    }

    [Test]
    public async Task Of_changes_from_one_state_at_one_time_one_is_made()
    {
        var id = _storage.Enqueue(NewName());

        var changes = await Task.WhenAll(Enumerable.Range(0, 4).Select(number => OnThread(
            () => _storage.Change(id, new RunningState($"worker {number}"), "Enqueued"))));

        Assert.That(changes.Count(change => change is not null), Is.EqualTo(1));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing" }));
    }

    [Test]
    public void A_job_that_has_ended_expires_and_one_that_runs_again_does_not()
    {
        var id = _storage.Enqueue(NewName());

        _storage.Change(id, new SucceededState(null, 1, 1));
        var ended = _storage.GetMonitoringApi().JobDetails(id).ExpireAt;
        _storage.Change(id, new EnqueuedState(NewName()));
        var again = _storage.GetMonitoringApi().JobDetails(id).ExpireAt;

        Assert.That(ended, Is.EqualTo(DateTime.UtcNow + _storage.JobExpirationTimeout).Within(TimeSpan.FromMinutes(1)));
        Assert.That(again, Is.Null);
    }

    [Test]
    public void The_ends_of_jobs_are_counted()
    {
        var before = _storage.GetMonitoringApi().GetStatistics();
        var today = $"stats:succeeded:{DateTime.UtcNow:yyyy-MM-dd}";
        var daily = _storage.Read(connection => connection.GetCounter(today));

        _storage.Change(_storage.Enqueue(NewName()), new SucceededState(null, 1, 1));
        _storage.Change(_storage.Enqueue(NewName()), new DeletedState());

        var after = _storage.GetMonitoringApi().GetStatistics();
        Assert.That((after.Succeeded, after.Deleted), Is.EqualTo((before.Succeeded + 1, before.Deleted + 1)));
        Assert.That(_storage.Read(connection => connection.GetCounter(today)), Is.EqualTo(daily + 1));
    }

    [Test]
    public void A_job_is_fetched_once_and_is_gone_when_it_is_done(CancellationToken cancellationToken)
    {
        var queue = NewName();
        var id = _storage.Enqueue(queue);
        var api = _storage.GetMonitoringApi();

        using (var connection = _storage.GetConnection())
        using (var fetched = connection.FetchNextJob([queue], cancellationToken))
        {
            Assert.That(fetched.JobId, Is.EqualTo(id));
            Assert.That((api.EnqueuedCount(queue), api.FetchedCount(queue)), Is.EqualTo((0, 1)));
            fetched.RemoveFromQueue();
        }

        Assert.That((api.EnqueuedCount(queue), api.FetchedCount(queue)), Is.EqualTo((0, 0)));
    }

    [Test]
    public void A_job_that_is_put_back_is_fetched_again(CancellationToken cancellationToken)
    {
        var queue = NewName();
        var id = _storage.Enqueue(queue);
        using var connection = _storage.GetConnection();

        using (var fetched = connection.FetchNextJob([queue], cancellationToken))
        {
            fetched.Requeue();
        }
        using (connection.FetchNextJob([queue], cancellationToken))
        {
            // neither done nor put back: disposing it puts it back
        }

        using var last = connection.FetchNextJob([queue], cancellationToken);
        Assert.That(last.JobId, Is.EqualTo(id));
        last.RemoveFromQueue();
    }

    [Test]
    public void A_job_whose_worker_died_is_fetched_again(CancellationToken cancellationToken)
    {
        var queue = NewName();
        var id = _storage.Enqueue(queue);
        Execute($"update hangfire.jobqueue set fetchedat = now() - interval '1 hour' where jobid = {id}");

        using var connection = _storage.GetConnection();
        using var fetched = connection.FetchNextJob([queue], cancellationToken);

        Assert.That(fetched.JobId, Is.EqualTo(id));
        fetched.RemoveFromQueue();
    }

    [Test]
    public void A_fetch_ends_when_it_is_cancelled()
    {
        using var connection = _storage.GetConnection();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        Assert.That(
            () => connection.FetchNextJob([NewName()], stop.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void A_worker_runs_a_job_and_takes_it_out_of_the_queue(CancellationToken cancellationToken)
    {
        var (queue, text) = (NewName(), NewName());
        var id = _storage.Enqueue(queue, text);

        _storage.Work(queue, cancellationToken);

        Assert.That(StorageWork.Noted.Count(noted => noted == text), Is.EqualTo(1));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        Assert.That(IsQueued(id), Is.False);
    }

    [Test]
    public void A_job_that_fails_is_shown_with_its_error(CancellationToken cancellationToken)
    {
        var queue = NewName();
        var id = _storage.Client().Create(
            Job.FromExpression(() => StorageWork.Fail("it broke")), new EnqueuedState(queue))!;

        _storage.Work(queue, cancellationToken);

        var failed = _storage.GetMonitoringApi().FailedJobs(0, 100).Single(job => job.Key == id).Value;
        Assert.That(failed.ExceptionMessage, Is.EqualTo("it broke"));
        Assert.That(IsQueued(id), Is.False);
    }

    [Test]
    public void A_job_that_is_to_be_tried_again_is_scheduled(CancellationToken cancellationToken)
    {
        var queue = NewName();
        var id = _storage.Client().Create(
            Job.FromExpression(() => StorageWork.FailAndTryAgain()), new EnqueuedState(queue))!;

        _storage.Work(queue, cancellationToken);

        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Failed", "Scheduled" }));
        Assert.That(_storage.Read(connection => connection.GetAllItemsFromSet("schedule")), Does.Contain(id));
        Assert.That(_storage.Read(connection => connection.GetJobParameter(id, "RetryCount")), Is.EqualTo("1"));
        Assert.That(IsQueued(id), Is.False);
    }

    [Test]
    public void A_job_that_was_deleted_meanwhile_is_not_run(CancellationToken cancellationToken)
    {
        var (queue, text) = (NewName(), NewName());
        var id = _storage.Enqueue(queue, text);
        _storage.Change(id, new DeletedState());

        _storage.Work(queue, cancellationToken);

        Assert.That(StorageWork.Noted, Does.Not.Contain(text));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Deleted" }));
        Assert.That(IsQueued(id), Is.False);
    }

    [Test]
    public void A_claimed_job_is_run_and_its_end_shown(CancellationToken cancellationToken)
    {
        var text = NewName();
        var id = _storage.Enqueue(RowQueue.Name, text);
        _store.Claimed.Add(id);

        _storage.Work(RowQueue.Name, cancellationToken);

        Assert.That(StorageWork.Noted.Count(noted => noted == text), Is.EqualTo(1));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Succeeded" }));
        var state = _storage.Read(connection => connection.GetStateData(id));
        Assert.That(state.Data.Keys, Is.SupersetOf(new[] { "SucceededAt", "PerformanceDuration", "Latency" }));
    }

    [Test]
    public void A_claimed_job_that_fails_and_is_to_be_tried_again_is_scheduled(CancellationToken cancellationToken)
    {
        var id = _storage.Client().Create(
            Job.FromExpression(() => StorageWork.FailAndTryAgain()), new EnqueuedState(RowQueue.Name))!;
        _store.Claimed.Add(id);

        _storage.Work(RowQueue.Name, cancellationToken);

        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Processing", "Failed", "Scheduled" }));
        Assert.That(_storage.Read(connection => connection.GetAllItemsFromSet("schedule")), Does.Contain(id));
    }

    [Test]
    public void A_claimed_job_that_was_deleted_meanwhile_is_not_run(CancellationToken cancellationToken)
    {
        var text = NewName();
        var id = _storage.Enqueue(RowQueue.Name, text);
        _store.Claimed.Add(id);
        _storage.Change(id, new DeletedState());

        _storage.Work(RowQueue.Name, cancellationToken);

        Assert.That(StorageWork.Noted, Does.Not.Contain(text));
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued", "Deleted" }));
    }

    [Test]
    public async Task Workers_and_those_who_delete_make_no_second_end(CancellationToken cancellationToken)
    {
        var queue = NewName();
        var ids = Enumerable.Range(0, 24).Select(_ => _storage.Enqueue(queue)).ToArray();

        await Task.WhenAll(
        [
            .. Enumerable.Range(0, 3).Select(_ => OnThread(() =>
            {
                for (var done = 0; done < ids.Length / 3; done++)
                {
                    _storage.Work(queue, cancellationToken);
                }
                return 0;
            })),
            OnThread(() => ids.Count(id => _storage.Change(id, new DeletedState(), "Enqueued") is not null)),
        ]);

        Assert.That(
            ids.Select(id => string.Join(' ', _storage.HistoryOf(id))),
            Is.All.EqualTo("Enqueued Processing Succeeded").Or.EqualTo("Enqueued Deleted"));
        Assert.That(ids.Where(IsQueued), Is.Empty);
    }

    [Test]
    public void A_scheduled_job_is_enqueued_when_its_time_has_come(CancellationToken cancellationToken)
    {
        var due = _storage.Create(new ScheduledState(DateTime.UtcNow.AddSeconds(-1)));
        var later = _storage.Create(new ScheduledState(DateTime.UtcNow.AddHours(1)));

        _storage.EnqueueScheduled(cancellationToken);

        Assert.That((_storage.StateOf(due), _storage.StateOf(later)), Is.EqualTo(("Enqueued", "Scheduled")));
        Assert.That(
            _storage.Read(connection => connection.GetAllItemsFromSet("schedule")),
            Does.Contain(later).And.Not.Contain(due));
    }

    [Test]
    public void A_job_leaves_the_schedule_when_it_is_deleted()
    {
        var id = _storage.Create(new ScheduledState(DateTime.UtcNow.AddHours(1)));

        _storage.Change(id, new DeletedState());

        Assert.That(_storage.Read(connection => connection.GetAllItemsFromSet("schedule")), Does.Not.Contain(id));
    }

    [Test]
    public void A_continuation_starts_when_its_parent_has_succeeded(CancellationToken cancellationToken)
    {
        var (queue, next) = (NewName(), NewName());
        var parent = _storage.Enqueue(queue);
        var child = _storage.Create(new AwaitingState(parent, new EnqueuedState(next)));
        Assert.That(_storage.StateOf(child), Is.EqualTo("Awaiting"));

        _storage.Work(queue, cancellationToken);

        Assert.That(_storage.HistoryOf(child), Is.EqualTo(new[] { "Awaiting", "Enqueued" }));
        Assert.That(IsQueued(child), Is.True);
    }

    [Test]
    public void A_continuation_of_a_job_that_has_ended_starts_at_once()
    {
        var parent = _storage.Enqueue(NewName());
        _storage.Change(parent, new SucceededState(null, 1, 1));

        var child = _storage.Create(new AwaitingState(parent, new EnqueuedState(NewName())));

        Assert.That(_storage.StateOf(child), Is.EqualTo("Enqueued"));
    }

    [Test]
    public async Task No_continuation_is_forgotten_that_is_added_while_its_parent_ends()
    {
        for (var round = 0; round < 8; round++)
        {
            var parent = _storage.Enqueue(NewName());
            _storage.Change(parent, new RunningState("worker"));

            var children = await Task.WhenAll(
                OnThread(() => _storage.Create(new AwaitingState(parent, new EnqueuedState(NewName())))),
                OnThread(() => _storage.Create(new AwaitingState(parent, new EnqueuedState(NewName())))),
                OnThread(() => _storage.Change(parent, new SucceededState(null, 1, 1), "Processing")!.Name));

            Assert.That(_storage.StateOf(parent), Is.EqualTo("Succeeded"));
            Assert.That(children[..2].Select(child => _storage.StateOf(child)), Is.All.EqualTo("Enqueued"));
        }
    }

    [Test]
    public void A_recurring_job_is_added_triggered_fired_and_removed(CancellationToken cancellationToken)
    {
        var (id, queue) = (NewName(), NewName());
        var manager = new RecurringJobManager(_storage);
        manager.AddOrUpdate(id, queue, () => StorageWork.Note("recurring"), "* * * * *");
        Assert.That(Recurring(id)!.Cron, Is.EqualTo("* * * * *"));

        manager.Trigger(id);
        var before = DateTime.UtcNow.AddMinutes(-10);
        _storage.Write(transaction =>
        {
            transaction.SetRangeInHash(
                $"recurring-job:{id}",
                [
                    new("LastExecution", JobHelper.SerializeDateTime(before)),
                    new("NextExecution", JobHelper.SerializeDateTime(before.AddMinutes(1))),
                ]);
            transaction.AddToSet("recurring-jobs", id, JobHelper.ToTimestamp(before.AddMinutes(1)));
        });
        var factory = new Hangfire.Client.BackgroundJobFactory(JobFilterProviders.Providers);
        new RecurringJobScheduler(factory, TimeSpan.FromMilliseconds(1))
            .Execute(_storage.Context(cancellationToken));

        Assert.That(Recurring(id)!.LastJobState, Is.EqualTo("Enqueued"));
        Assert.That(_storage.GetMonitoringApi().EnqueuedCount(queue), Is.EqualTo(2));
        manager.RemoveIfExists(id);
        Assert.That(Recurring(id), Is.Null);
    }

    [Test]
    public void Sets_are_written_and_read_by_score()
    {
        var key = NewName();

        _storage.Write(transaction =>
        {
            transaction.AddToSet(key, "plain");
            transaction.AddToSet(key, "second", 2);
            transaction.AddToSet(key, "third", 1);
            transaction.AddToSet(key, "third", 3);
            transaction.AddToSet(key, "gone", 4);
            transaction.RemoveFromSet(key, "gone");
            transaction.AddRangeToSet(key, ["range"]);
        });

        using var connection = _storage.Connect();
        Assert.That(connection.GetAllItemsFromSet(key), Is.EquivalentTo(new[] { "plain", "second", "third", "range" }));
        Assert.That(connection.GetFirstByLowestScoreFromSet(key, 1, 3), Is.EqualTo("second"));
        Assert.That(connection.GetFirstByLowestScoreFromSet(key, 1, 3, 2), Is.EqualTo(new[] { "second", "third" }));
        Assert.That(connection.GetSetCount(key), Is.EqualTo(4));
        Assert.That(connection.GetRangeFromSet(key, 1, 2), Has.Count.EqualTo(2));
        _storage.Write(transaction => transaction.ExpireSet(key, TimeSpan.FromHours(1)));
        Assert.That(connection.GetSetTtl(key), Is.EqualTo(TimeSpan.FromHours(1)).Within(TimeSpan.FromMinutes(1)));
        _storage.Write(transaction => transaction.PersistSet(key));
        Assert.That(connection.GetSetTtl(key), Is.LessThan(TimeSpan.Zero));
        _storage.Write(transaction => transaction.RemoveSet(key));
        Assert.That(connection.GetAllItemsFromSet(key), Is.Empty);
    }

    [Test]
    public void Hashes_are_written_and_read()
    {
        var key = NewName();

        _storage.Write(transaction => transaction.SetRangeInHash(key, [new("a", "1"), new("b", "2"), new("a", "3")]));
        _storage.Read(connection =>
        {
            connection.SetRangeInHash(key, [new("b", "4"), new("c", null!)]);
            return 0;
        });

        using var connection = _storage.Connect();
        Assert.That(
            connection.GetAllEntriesFromHash(key),
            Is.EquivalentTo(new Dictionary<string, string?> { ["a"] = "3", ["b"] = "4", ["c"] = null }));
        Assert.That(connection.GetValueFromHash(key, "b"), Is.EqualTo("4"));
        Assert.That(connection.GetValueFromHash(key, "d"), Is.Null);
        Assert.That(connection.GetHashCount(key), Is.EqualTo(3));
        _storage.Write(transaction => transaction.ExpireHash(key, TimeSpan.FromHours(1)));
        Assert.That(connection.GetHashTtl(key), Is.EqualTo(TimeSpan.FromHours(1)).Within(TimeSpan.FromMinutes(1)));
        _storage.Write(transaction => transaction.PersistHash(key));
        Assert.That(connection.GetHashTtl(key), Is.LessThan(TimeSpan.Zero));
        _storage.Write(transaction => transaction.RemoveHash(key));
        Assert.That(connection.GetAllEntriesFromHash(key), Is.Null);
    }

    [Test]
    public void Lists_are_written_read_and_trimmed()
    {
        var key = NewName();

        _storage.Write(transaction =>
        {
            transaction.InsertToList(key, "1");
            transaction.InsertToList(key, "2");
            transaction.InsertToList(key, "3");
            transaction.InsertToList(key, "gone");
            transaction.RemoveFromList(key, "gone");
        });

        using var connection = _storage.Connect();
        Assert.That(connection.GetAllItemsFromList(key), Is.EqualTo(new[] { "3", "2", "1" }));
        Assert.That(connection.GetRangeFromList(key, 0, 1), Is.EqualTo(new[] { "3", "2" }));
        Assert.That(connection.GetListCount(key), Is.EqualTo(3));
        _storage.Write(transaction => transaction.ExpireList(key, TimeSpan.FromHours(1)));
        Assert.That(connection.GetListTtl(key), Is.EqualTo(TimeSpan.FromHours(1)).Within(TimeSpan.FromMinutes(1)));
        _storage.Write(transaction => transaction.PersistList(key));
        Assert.That(connection.GetListTtl(key), Is.LessThan(TimeSpan.Zero));
        _storage.Write(transaction => transaction.TrimList(key, 1, 1));
        Assert.That(connection.GetAllItemsFromList(key), Has.Count.EqualTo(1));
    }

    [Test]
    public void Counters_are_summed()
    {
        var key = NewName();

        _storage.Write(transaction =>
        {
            transaction.IncrementCounter(key);
            transaction.IncrementCounter(key, TimeSpan.FromHours(1));
            transaction.IncrementCounter(key);
            transaction.DecrementCounter(key);
            transaction.DecrementCounter(key, TimeSpan.FromHours(1));
        });

        Assert.That(_storage.Read(connection => connection.GetCounter(key)), Is.EqualTo(1));
        Assert.That(_storage.Read(connection => connection.GetCounter(NewName())), Is.Zero);
    }

    [Test]
    public void A_transaction_is_written_as_a_whole_or_not_at_all()
    {
        var (id, key, queue) = (_storage.Enqueue(NewName()), NewName(), NewName());

        Assert.That(
            () => _storage.Write(transaction =>
            {
                transaction.SetJobState(id, new DeletedState());
                transaction.AddToQueue(queue, id);
                transaction.AddToSet(key, "value");
                transaction.SetRangeInHash(key, [new("field", "value")]);
                transaction.InsertToList(key, "value");
                transaction.IncrementCounter(key);
                transaction.AddJobState("1234567890", new DeletedState()); // there is no such job
            }),
            Throws.InstanceOf<Npgsql.PostgresException>());

        using var connection = _storage.Connect();
        Assert.That(_storage.HistoryOf(id), Is.EqualTo(new[] { "Enqueued" }));
        Assert.That(
            new[]
            {
                connection.GetSetCount(key), connection.GetHashCount(key), connection.GetListCount(key),
                connection.GetCounter(key),
            },
            Is.All.Zero);
        Assert.That(_storage.GetMonitoringApi().EnqueuedCount(queue), Is.Zero);
    }

    [Test]
    public void A_transaction_that_is_not_committed_writes_nothing()
    {
        var key = NewName();

        using (var connection = _storage.GetConnection())
        using (var transaction = connection.CreateWriteTransaction())
        {
            transaction.AddToSet(key, "value");
        }

        Assert.That(_storage.Read(connection => connection.GetSetCount(key)), Is.Zero);
    }

    [Test]
    public void A_server_is_announced_lives_and_is_removed()
    {
        using var connection = _storage.GetConnection();
        var (name, dead) = (NewName(), NewName());

        connection.AnnounceServer(name, new ServerContext { Queues = ["a", "b"], WorkerCount = 7 });
        connection.AnnounceServer(dead, new ServerContext { Queues = ["a"], WorkerCount = 1 });
        Execute($"""
            update hangfire.server set lastheartbeat = now() - interval '1 hour' where id in ('{name}', '{dead}')
            """);
        connection.Heartbeat(name);
        var removed = connection.RemoveTimedOutServers(TimeSpan.FromMinutes(30));

        Assert.That(removed, Is.EqualTo(1));
        var server = _storage.GetMonitoringApi().Servers().Single(server => server.Name == name);
        Assert.That((server.WorkersCount, server.Queues), Is.EqualTo((7, new[] { "a", "b" })));
        Assert.That(() => connection.Heartbeat(dead), Throws.InstanceOf<BackgroundServerGoneException>());
        connection.RemoveServer(name);
        Assert.That(_storage.GetMonitoringApi().Servers().Select(one => one.Name), Does.Not.Contain(name));
    }

    [Test]
    public void A_lock_is_one_connections_at_a_time()
    {
        using var one = _storage.GetConnection();
        using var other = _storage.GetConnection();
        var resource = NewName();

        using (one.AcquireDistributedLock(resource, TimeSpan.FromSeconds(5)))
        using (one.AcquireDistributedLock(resource, TimeSpan.FromSeconds(5)))
        {
            Assert.That(
                () => other.AcquireDistributedLock(resource, TimeSpan.FromMilliseconds(50)),
                Throws.InstanceOf<DistributedLockTimeoutException>()
                    .Or.InstanceOf<Hangfire.PostgreSql.PostgreSqlDistributedLockException>());
        }

        Assert.That(() => other.AcquireDistributedLock(resource, TimeSpan.FromSeconds(5)).Dispose(), Throws.Nothing);
    }

    [Test]
    public void The_monitoring_pages_have_the_jobs_of_each_state()
    {
        var api = _storage.GetMonitoringApi();
        var queue = NewName();
        var enqueued = _storage.Enqueue(queue);
        var scheduled = _storage.Create(new ScheduledState(TimeSpan.FromHours(1)));
        var processing = _storage.Enqueue(NewName());
        _storage.Change(processing, new RunningState("worker"));
        var succeeded = _storage.Enqueue(NewName());
        _storage.Change(succeeded, new SucceededState("done", 1, 2));
        var failed = _storage.Client().Create(
            Job.FromExpression(() => StorageWork.Fail("why")), new EnqueuedState(NewName()))!;
        _storage.Change(failed, new FailedState(new InvalidOperationException("why")) { Reason = "because" });
        var deleted = _storage.Enqueue(NewName());
        _storage.Change(deleted, new DeletedState());

        Assert.That(api.EnqueuedJobs(queue, 0, 10).Select(job => job.Key), Is.EqualTo(new[] { enqueued }));
        Assert.That(api.Queues().Single(one => one.Name == queue).FirstJobs.Single().Key, Is.EqualTo(enqueued));
        Assert.That(api.ScheduledJobs(0, 1000).Select(job => job.Key), Does.Contain(scheduled));
        Assert.That(
            api.ProcessingJobs(0, 1000).Single(job => job.Key == processing).Value.ServerId, Is.EqualTo("server"));
        Assert.That(api.SucceededJobs(0, 1000).Single(job => job.Key == succeeded).Value.TotalDuration, Is.EqualTo(3));
        Assert.That(api.FailedJobs(0, 1000).Single(job => job.Key == failed).Value.Reason, Is.EqualTo("because"));
        Assert.That(api.DeletedJobs(0, 1000).Select(job => job.Key), Does.Contain(deleted));
        Assert.That(api.SucceededByDatesCount().Values.Sum(), Is.Positive);
        Assert.That(api.HourlyFailedJobs(), Has.Count.EqualTo(24));
        Assert.That(
            new[]
            {
                api.ScheduledCount(), api.ProcessingCount(), api.SucceededListCount(), api.FailedCount(),
                api.DeletedListCount(),
            },
            Is.EqualTo(new long[]
            {
                api.ScheduledJobs(0, 1000).Count, api.ProcessingJobs(0, 1000).Count, api.SucceededJobs(0, 1000).Count,
                api.FailedJobs(0, 1000).Count, api.DeletedJobs(0, 1000).Count,
            }));
    }

    private static string NewName() => $"name-{Interlocked.Increment(ref _lastName)}";

    /// <summary>As Hangfire's threads do: its storage blocks them.</summary>
    private static Task<T> OnThread<T>(Func<T> action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Execute(string sql) =>
        _store.Database.ExecuteAsync(sql, CancellationToken.None).GetAwaiter().GetResult();

    private bool IsQueued(string id) => _store.Database
        .ScalarAsync<bool>($"select exists (select from hangfire.jobqueue where jobid = {id})", CancellationToken.None)
        .GetAwaiter().GetResult();

    private RecurringJobDto? Recurring(string id)
    {
        using var connection = _storage.GetConnection();
        return connection.GetRecurringJobs([id]).SingleOrDefault(job => !job.Removed);
    }
}
