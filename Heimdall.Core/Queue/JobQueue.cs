using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Transactions;
using Hangfire;
using Hangfire.States;
using Heimdall.Core.Audit;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue.Storage;
using Npgsql;
using Job = Heimdall.Core.Jobs.Job;

namespace Heimdall.Core.Queue;

/// <summary>
/// Puts jobs into the queue: their rows, which are their places, and for each the entry that Hangfire runs and shows.
/// </summary>
public sealed class JobQueue
{
    /// <summary>Many times what the statements of one may take. Then nobody knows how it ends.</summary>
    private static readonly TimeSpan LongestTransaction = TimeSpan.FromSeconds(60);

    private readonly StoreDatabase _database;
    private readonly AuditLog _audit;
    private readonly QueueStorage _storages;
    private readonly EntryStorage? _entries;
    private readonly BackgroundJobClientFactory _clients;
    private readonly StoreWriter<NewJobs, DateTime?> _newJobs;

    // What Hangfire wrote for one job, once more for others: all is the same but the job's id. Its client asks the
    // server five times for each job. The ids are drawn first, so that the row of a job can name that of its state.
    private readonly string _copySql;

    /// <param name="database">The store.</param>
    /// <param name="storages">Opens the stock storage on a connection.</param>
    /// <param name="storage">That of this process.</param>
    /// <param name="clients">Make entries on the stock storage.</param>
    /// <param name="audit">Records what somebody has asked for.</param>
    public JobQueue(
        StoreDatabase database, QueueStorage storages, JobStorage storage, BackgroundJobClientFactory clients,
        AuditLog audit)
    {
        _audit = audit;
        (_database, _storages, _entries, _clients) = (database, storages, storage as EntryStorage, clients);
        _newJobs = new(database.DataSource, ConnectionLimits.NewJobsLanes, SubmitAsync);
        _copySql = $"""
            with copies as materialized (
                select nextval(pg_get_serial_sequence('"{database.HangfireSchema}".job', 'id')) as id,
                    nextval(pg_get_serial_sequence('"{database.HangfireSchema}".state', 'id')) as stateid,
                    asked.id as job_id, asked.place
                from unnest($3) with ordinality as asked (id, place)),
            jobs as (
                insert into "{database.HangfireSchema}".job (
                    id, stateid, statename, invocationdata, arguments, createdat, expireat)
                select copies.id, copies.stateid, statename, invocationdata,
                    replace(arguments::text, $2, job_id)::jsonb, createdat, expireat
                from copies cross join "{database.HangfireSchema}".job original where original.id = $1),
            states as (
                insert into "{database.HangfireSchema}".state (id, jobid, name, reason, createdat, data)
                select copies.stateid, copies.id, name, reason, createdat, data
                from copies cross join "{database.HangfireSchema}".state original where original.jobid = $1)
            select id::text from copies order by place
            """;
    }

    /// <summary>
    /// Writes the rows of jobs, Hangfire's entries of them and the key of the call in one transaction: no job runs
    /// unrecorded, none is recorded without an entry.
    /// </summary>
    /// <returns>Null when the key is taken; then nothing is written.</returns>
    public async Task<IReadOnlyList<Job>?> EnqueueAsync(
        IReadOnlyList<Job> jobs, IdempotencyKey? key, CancellationToken cancellationToken)
    {
        // Not with others under a key, or after other jobs: both can wait for another transaction, and all would wait.
        // And not what is recorded for its caller in the transaction.
        if (key is null && _audit.Current is null && jobs.All(job => job.After.Count == 0 && job.FanOut is null)
            && await TrySubmitAsync(jobs, cancellationToken) is { } created)
        {
            return Created(jobs, created);
        }
        return await InTransactionAsync(
            async connection =>
                key is null
                || await IdempotencyStore.ClaimAsync(
                    connection, key, jobs.Where(job => job.ParentId is null).Select(job => job.Id), cancellationToken)
                    ? await AddAsync(connection, jobs, cancellationToken)
                    : null,
            cancellationToken);
    }

    /// <summary>Writes rows of jobs and their entries within a transaction of <see cref="InTransactionAsync"/>.</summary>
    internal async Task<IReadOnlyList<Job>> AddAsync(
        NpgsqlConnection connection, IReadOnlyList<Job> jobs, CancellationToken cancellationToken)
    {
        Job[] parents = [.. jobs.Where(job => job.FanOut is not null)];
        if (parents.Length > 0)
        {
            var at = await QueuedJobs.InsertParentsAsync(connection, parents, cancellationToken);
            var others = await AddAsync(
                connection, [.. jobs.Where(job => job.FanOut is null)], cancellationToken);
            var added = others.ToDictionary(job => job.Id);
            return [.. jobs.Select(job => added.GetValueOrDefault(job.Id)
                ?? job with { CreatedAt = at, StartedAt = at, UpdatedAt = at })];
        }
        DateTime? created;
        if (_entries is { IsAside: false } entries)
        {
            created = await QueuedJobs.InsertAsync(connection, ToQueued(jobs), entries.NewEntries, cancellationToken);
            if (created is not null)
            {
                return Created(jobs, created.Value);
            }
            await entries.LookAtSchemaAsync(connection, cancellationToken);
        }
        var queueIds = await MakeEntriesAsync(connection, [.. jobs.Select(job => job.Id)], cancellationToken);
        Job[] withEntries = [.. jobs.Zip(queueIds, (job, queueId) => job with { QueueId = queueId })];
        created = await QueuedJobs.InsertAsync(
            connection, ToQueued(withEntries), GivenEntries.Instance, cancellationToken);
        return Created(withEntries, created!.Value);
    }

    /// <summary>Gives a job a new entry in Hangfire's tables, where its own is gone.</summary>
    /// <returns>The id of the entry; null when somebody else was first.</returns>
    internal Task<string?> ReplaceEntryAsync(Guid jobId, string lostQueueId, CancellationToken cancellationToken) =>
        InTransactionAsync(
            async connection =>
            {
                var queueIds = await MakeEntriesAsync(connection, [jobId], cancellationToken);
                return await JobStore.TryReplaceQueueIdAsync(
                    connection, jobId, lostQueueId, queueIds[0], cancellationToken)
                    ? queueIds[0]
                    : null;
            },
            cancellationToken);

    /// <summary>Runs writes in one transaction, in which Hangfire's are too.</summary>
    /// <param name="writeAsync">Gives null or false when somebody else was first: then nothing is written.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <exception cref="NpgsqlException">A statement has failed, Heimdall's or Hangfire's: nothing is written.</exception>
    /// <exception cref="TransactionException">The commit has failed, or nobody knows how it ended.</exception>
    internal async Task<T> InTransactionAsync<T>(Func<NpgsqlConnection, Task<T>> writeAsync, CancellationToken cancellationToken)
    {
        // Hangfire's client blocks its thread, and cannot be cancelled: nobody waits for it without end.
        var writing = Task.Run(() => WriteAsync(writeAsync, cancellationToken), CancellationToken.None);
        try
        {
            var written = await writing.WaitAsync(LongestTransaction, CancellationToken.None);
            _audit.Committed(written is not (null or false));
            return written;
        }
        catch (TimeoutException exception) when (!writing.IsCompleted) // else the time-out is the store's: nothing is written
        {
            throw new TransactionInDoubtException($"The store has not answered for {LongestTransaction.TotalSeconds:0} s.", exception);
        }
        catch (PostgresException) when (_entries is { IsAside: false })
        {
            await _entries.LookAtSchemaAsync(cancellationToken); // another version of it may be the reason
            if (!_entries.IsAside)
            {
                throw;
            }
        }
        return await InTransactionAsync(writeAsync, cancellationToken); // nothing is written, and the storage is aside
    }

    /// <summary>Writes jobs together with those of others, in one transaction with their entries.</summary>
    /// <returns>When they were created; null when that is not possible, and nothing is written.</returns>
    /// <exception cref="TimeoutException">The store took too long, and nothing is written.</exception>
    /// <exception cref="TransactionInDoubtException">Nobody knows whether they are written.</exception>
    private async Task<DateTime?> TrySubmitAsync(IReadOnlyList<Job> jobs, CancellationToken cancellationToken)
    {
        if (_entries is not { IsAside: false } entries)
        {
            return null;
        }
        var added = new NewJobs(ToQueued(jobs));
        var writing = _newJobs.AddAsync(added);
        DateTime? created;
        try
        {
            created = await writing.WaitAsync(LongestTransaction, cancellationToken);
        }
        catch (PostgresException)
        {
            await entries.LookAtSchemaAsync(cancellationToken); // another version of it may be the reason
            if (!entries.IsAside)
            {
                throw;
            }
            created = null;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            if (writing.IsCompleted)
            {
                created = await writing; // it has just been answered after all
            }
            else if (added.TryGiveUp())
            {
                throw;
            }
            else
            {
                throw new TransactionInDoubtException("The store has not answered yet.", exception);
            }
        }
        if (created is null)
        {
            await entries.LookAtSchemaAsync(cancellationToken);
        }
        return created;
    }

    private async Task<IReadOnlyList<DateTime?>> SubmitAsync(
        NpgsqlConnection connection, IReadOnlyList<NewJobs> together)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        var created = await QueuedJobs.InsertAsync(
            connection, [.. together.SelectMany(added => added.Jobs)], _entries!.NewEntries,
            CancellationToken.None);
        try
        {
            await transaction.CommitAsync();
        }
        catch (NpgsqlException exception) when (exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            throw new TransactionInDoubtException("The store has not answered the commit.", exception);
        }
        return [.. together.Select(_ => created)];
    }

    private static QueuedJob[] ToQueued(IReadOnlyList<Job> jobs) => [.. jobs.Select(job => new QueuedJob(job))];

    private static IReadOnlyList<Job> Created(IReadOnlyList<Job> jobs, DateTime at) =>
        [.. jobs.Select(job => job with { CreatedAt = at, UpdatedAt = at })];

    private async Task<T> WriteAsync<T>(Func<NpgsqlConnection, Task<T>> writeAsync, CancellationToken cancellationToken)
    {
        await using var connection = await _database.DataSource.OpenConnectionAsync(cancellationToken);
        using var transaction = new TransactionScope(
            TransactionScopeOption.RequiresNew,
            new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted },
            TransactionScopeAsyncFlowOption.Enabled);
        connection.EnlistTransaction(Transaction.Current);
        var written = await writeAsync(connection);
        if (written is not (null or false))
        {
            await _audit.RecordAsync(connection, cancellationToken);
            transaction.Complete();
        }
        return written;
    }

    private async Task<string[]> MakeEntriesAsync(NpgsqlConnection connection, Guid[] jobIds, CancellationToken cancellationToken)
    {
        var first = MakeEntry(connection, jobIds[0]);
        return jobIds.Length == 1 ? [first] : [first, .. await CopyAsync(connection, first, jobIds, cancellationToken)];
    }

    private string MakeEntry(NpgsqlConnection connection, Guid jobId)
    {
        try
        {
            return _clients.Create(_storages.On(connection)).Create<IJobRunner>(runner => runner.RunAsync(jobId, CancellationToken.None), new EnqueuedState(RowQueue.Name));
        }
        catch (BackgroundJobClientException exception) when (exception.InnerException is { } cause)
        {
            // Hangfire wraps all that goes wrong. Callers tell a store that is away from one that refuses, as for any other statement.
            ExceptionDispatchInfo.Throw(cause);
            throw;
        }
    }

    /// <returns>The entries of all jobs but the first, which has one.</returns>
    private async Task<List<string>> CopyAsync(NpgsqlConnection connection, string queueId, Guid[] jobIds, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_copySql, connection)
        {
            Parameters =
            {
                new() { Value = long.Parse(queueId, CultureInfo.InvariantCulture) },
                new() { Value = jobIds[0].ToString() },
                new() { Value = Array.ConvertAll(jobIds[1..], id => id.ToString()) },
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var queueIds = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            queueIds.Add(row.GetString(0));
        }
        return queueIds;
    }
}

/// <summary>Jobs that get into the queue: all of them or none.</summary>
internal sealed class NewJobs(QueuedJob[] jobs) : StoreWrite<DateTime?>(isDurable: true)
{
    public IReadOnlyList<QueuedJob> Jobs => jobs;

    public override int Bytes { get; } = jobs.Sum(job => job.Bytes);
}
