using Hangfire;
using Hangfire.Common;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Heimdall.Core.Database;
using Heimdall.Core.Queue.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>How Heimdall uses Hangfire's PostgreSQL storage. No option is left at a default that does not suit SQL jobs.</summary>
/// <param name="database">The store.</param>
/// <param name="source">Has the jobs of this process; null where none are run.</param>
public sealed class QueueStorage(StoreDatabase database, Func<IJobSource?> source) : IDisposable
{
    /// <summary>Hangfire's statements take milliseconds, and those of its upkeep, a thousand rows each, seconds.</summary>
    private static readonly TimeSpan LongestStatement = TimeSpan.FromSeconds(15);

    /// <summary>Backstop behind the notifications of ticks, and behind it there is the keeper's sweep of schedules.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(15);

    /// <summary>
    /// When a process has died, others get the tick that it fetched, and its lock rows, after this time. All processes
    /// must have the same, or one takes away what another still holds: it is no setting.
    /// </summary>
    private static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(10);

    /// <summary>Stands for the id of a job in what Hangfire calls for it.</summary>
    private static readonly Guid _anyJob = new("00000000-0000-0000-0000-000000000001");

    private readonly StatementLimit _limit = new(LongestStatement);

    /// <summary>Hangfire's storage for this process. Connects to nothing yet.</summary>
    public JobStorage Open() => Open(Options());

    /// <summary>The same, with what each job costs written by Heimdall.</summary>
    public EntryStorage OpenEntries(ILogger<EntryStorage> logger)
    {
        var call = Job.FromExpression<IJobRunner>(runner => runner.RunAsync(_anyJob, CancellationToken.None));
        var entries = new NewEntries(database.HangfireSchema, RowQueue.Name, call, _anyJob);
        return new EntryStorage(
            Open(), On, () => _limit.Watch(database.Entries.CreateConnection()), DeadAfter, entries, database, logger);
    }

    public void Dispose() => _limit.Dispose();

    /// <summary>Makes Hangfire's tables where they are missing.</summary>
    internal void Install()
    {
        var options = Options();
        options.PrepareSchemaIfNecessary = true;
        Open(options);
    }

    /// <summary>The storage as seen on one connection, within whatever transaction is open there.</summary>
    internal JobStorage On(NpgsqlConnection connection)
    {
        var options = Options();
        // Sliding starts a heartbeat for fetched jobs; this storage fetches none.
        options.UseSlidingInvisibilityTimeout = false;
        return WithRows(new PostgreSqlStorage(new ExistingNpgsqlConnectionFactory(connection, options), options));
    }

    private PostgreSqlStorage Open(PostgreSqlStorageOptions options) =>
        WithRows(new PostgreSqlStorage(new QueueConnections(database, _limit, options), options));

    /// <summary>Our jobs wait in their own rows; what else Hangfire runs waits in its own queue.</summary>
    private PostgreSqlStorage WithRows(PostgreSqlStorage storage)
    {
        storage.QueueProviders.Add(new RowQueue(database, source), [RowQueue.Name]);
        return storage;
    }

    private PostgreSqlStorageOptions Options() => new()
    {
        SchemaName = database.HangfireSchema,
        PrepareSchemaIfNecessary = false,
        // Hangfire starts without a database by default and then loses jobs quietly; Heimdall waits for its store itself.
        AllowDegradedModeWithoutStorage = false,
        StartupConnectionMaxRetries = 0,
        // For the ticks of schedules, which alone wait in Hangfire's own queue: by default one that runs for 30 minutes is given to a second
        // worker. It is renewed every fifth of this time while its worker lives, and given away this long after it died.
        InvisibilityTimeout = DeadAfter,
        UseSlidingInvisibilityTimeout = true,
        // By default that queue is looked at every 15 s. Workers are notified of new ticks, and look by themselves as a backstop.
        EnableLongPolling = true,
        QueuePollInterval = PollInterval,
        // Hangfire's locks are rows; those of a killed process block a job until this time is over, by default 10 minutes.
        // Those of a state change are held for milliseconds. Two that take one at a time, because one of them was held for
        // longer, do no harm: a schedule is decided in its own row.
        DistributedLockTimeout = DeadAfter,
        // Job and queue entry are written in the transaction of Heimdall's own row.
        EnableTransactionScopeEnlistment = true,
    };

    /// <summary>Gives Hangfire its connections.</summary>
    private sealed class QueueConnections : NpgsqlInstanceConnectionFactoryBase
    {
        private readonly StoreDatabase _database;
        private readonly StatementLimit _limit;

        public QueueConnections(StoreDatabase database, StatementLimit limit, PostgreSqlStorageOptions options)
            : base(options)
        {
            _database = database;
            _limit = limit;
            SetupConnectionStringBuilder(database.Address);
        }

        public override NpgsqlConnection GetOrCreateConnection() =>
            _limit.Watch(_database.Queue.CreateConnection());
    }
}
