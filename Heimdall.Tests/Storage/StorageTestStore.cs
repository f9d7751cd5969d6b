using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;
using Heimdall.Core.Queue.Storage;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Job = Hangfire.Common.Job;

namespace Heimdall.Tests.Storage;

/// <summary>
/// A database with Hangfire's tables, and storages of Hangfire on it: one as a process has it by its configuration.
/// </summary>
internal sealed class StorageTestStore : IAsyncDisposable
{
    /// <summary>
    /// How long a fetched job may be without a sign of its worker. Nothing here waits for that, and a machine that is
    /// busy must not let a second worker have the job.
    /// </summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    private readonly List<(StoreDatabase Store, QueueStorage Storages)> _opened = [];

    // Of the process: whichever host starts first makes this choice, and what is compared must be written alike.
    static StorageTestStore() => GlobalConfiguration.Configuration
        .UseSimpleAssemblyNameTypeSerializer().UseIgnoredAssemblyVersionTypeResolver();

    private StorageTestStore(TestDatabase database) => Database = database;

    public TestDatabase Database { get; }

    public static async Task<StorageTestStore> CreateAsync() => new(await TestDatabase.CreateStoreAsync());

    /// <summary>The entries of jobs that a process has claimed, for workers of the jobs' queue.</summary>
    public ClaimedEntries Claimed { get; } = new();

    /// <param name="kind">As <c>queue.storage</c> says.</param>
    /// <param name="schema">Of Hangfire's tables.</param>
    public async Task<JobStorage> OpenAsync(string kind, string schema = "hangfire")
    {
        var store = new StoreDatabase(
            Database.ConnectionString, "heimdall", schema, ConnectionLimits.ForWorker(concurrency: 4));
        var storages = new QueueStorage(store, () => Claimed);
        _opened.Add((store, storages));
        storages.Install();
        var storage = kind == QueueConfig.Stock
            ? storages.Open()
            : storages.OpenEntries(NullLogger<EntryStorage>.Instance);
        if (storage is EntryStorage entries)
        {
            await entries.LookAtSchemaAsync(CancellationToken.None);
        }
        Queues[storage] = new JobQueue(
            store, storages, storage, new BackgroundJobClientFactory(storage, new JobFilterProviderCollection()),
            new Core.Audit.AuditLog(store));
        return storage;
    }

    /// <summary>What puts jobs of ours into the queue, by the storage.</summary>
    public Dictionary<JobStorage, JobQueue> Queues { get; } = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var (store, storages) in _opened)
        {
            storages.Dispose();
            await store.DisposeAsync();
        }
        await Database.DisposeAsync();
    }
}

/// <summary>Hands claimed jobs to workers of the jobs' queue, which know them by their entries.</summary>
internal sealed class ClaimedEntries : IJobSource
{
    private readonly System.Collections.Concurrent.BlockingCollection<ClaimedJob> _jobs = [];

    public bool IsEmpty => _jobs.Count == 0;

    /// <summary>An entry of a job that has run before, so that what Hangfire shall call is read.</summary>
    public ClaimedJob Add(string id) => Add(new Core.Jobs.Job
    {
        Id = Guid.CreateVersion7(),
        QueueId = id,
        Attempt = 2,
        Name = "claimed",
        Version = "",
        User = "test",
        Status = Core.Jobs.JobStatus.Running,
        IsSync = false,
        ReturnResult = false,
        CommandId = "main",
        CommandName = "main",
        ClusterId = "main",
        ClusterName = "main",
        Context = [],
    });

    public ClaimedJob Add(Core.Jobs.Job job)
    {
        var claim = new ClaimedJob(job, isTakeOver: false);
        _jobs.Add(claim);
        return claim;
    }

    public ClaimedJob Take(CancellationToken cancellationToken) => _jobs.Take(cancellationToken);

    public Task ReleaseAsync(ClaimedJob claim, bool isRefused) => Task.CompletedTask;
}

/// <summary>What tests do with a storage, each as a part of Hangfire does it.</summary>
internal static class StorageUse
{
    // Hangfire's own activator, of the process, belongs to the host that was started last.
    private static readonly BackgroundJobPerformer Performer = new(JobFilterProviders.Providers, new JobActivator());

    public static JobStorageConnection Connect(this JobStorage storage) =>
        (JobStorageConnection)storage.GetConnection();

    public static IBackgroundJobClient Client(this JobStorage storage) =>
        new BackgroundJobClientFactory(storage, JobFilterProviders.Providers).Create();

    public static string Create(this JobStorage storage, IState state, string argument = "") =>
        storage.Client().Create(Job.FromExpression(() => StorageWork.Note(argument)), state)!;

    /// <summary>Puts a job that notes its argument into a queue.</summary>
    public static string Enqueue(this JobStorage storage, string queue, string argument = "") =>
        storage.Create(new EnqueuedState(queue), argument);

    public static IState? Change(this JobStorage storage, string id, IState state, params string[] from)
    {
        using var connection = storage.GetConnection();
        return new RepeatingStateChanger(JobFilterProviders.Providers).ChangeState(
            new StateChangeContext(storage, connection, id, state, from.Length == 0 ? null : from));
    }

    public static string? StateOf(this JobStorage storage, string id)
    {
        using var connection = storage.GetConnection();
        return connection.GetJobData(id)?.State;
    }

    public static string[] HistoryOf(this JobStorage storage, string id) =>
        [.. storage.GetMonitoringApi().JobDetails(id).History.Select(state => state.StateName).Reverse()];

    public static void Write(this JobStorage storage, Action<JobStorageTransaction> write)
    {
        using var connection = storage.GetConnection();
        using var transaction = (JobStorageTransaction)connection.CreateWriteTransaction();
        write(transaction);
        transaction.Commit();
    }

    public static T Read<T>(this JobStorage storage, Func<JobStorageConnection, T> read)
    {
        using var connection = storage.Connect();
        return read(connection);
    }

    /// <summary>Has a worker run one job of a queue.</summary>
    public static void Work(this JobStorage storage, string queue, CancellationToken cancellationToken) =>
        new Hangfire.Server.Worker([queue], Performer, new BackgroundJobStateChanger())
            .Execute(storage.Context(cancellationToken));

    public static void EnqueueScheduled(this JobStorage storage, CancellationToken cancellationToken) =>
        new DelayedJobScheduler(TimeSpan.FromMilliseconds(1)).Execute(storage.Context(cancellationToken));

    public static BackgroundProcessContext Context(this JobStorage storage, CancellationToken cancellationToken) =>
        new(
            "server", storage, new Dictionary<string, object>(), Guid.NewGuid(), cancellationToken, cancellationToken,
            cancellationToken);
}

/// <summary>The jobs: methods that Hangfire finds by name.</summary>
public static class StorageWork
{
    private static readonly System.Collections.Concurrent.ConcurrentQueue<string> _noted = [];

    /// <summary>What jobs have noted, each once for each time that it ran.</summary>
    public static IReadOnlyCollection<string> Noted => _noted;

    public static void Note(string text) => _noted.Enqueue(text);

    [AutomaticRetry(Attempts = 0)]
    public static void Fail(string text) => throw new InvalidOperationException(text);

    [AutomaticRetry(Attempts = 1, DelaysInSeconds = [3600])]
    public static void FailAndTryAgain() => throw new InvalidOperationException("try again");
}

/// <summary>Processing, as a worker of Hangfire says it: its own class has no public constructor.</summary>
internal sealed class RunningState(string worker) : IState
{
    public string Name => ProcessingState.StateName;

    public string? Reason => null;

    public bool IsFinal => false;

    public bool IgnoreJobLoadException => false;

    public Dictionary<string, string> SerializeData() => new()
    {
        ["StartedAt"] = JobHelper.SerializeDateTime(DateTime.UtcNow),
        ["ServerId"] = "server",
        ["WorkerId"] = worker,
    };
}
