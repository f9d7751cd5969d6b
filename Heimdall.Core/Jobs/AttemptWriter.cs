using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The one way in which running attempts write to the store: how an inline query begins, evidence, confirmations,
/// progress, log and end. What many want written at one time shares a transaction
/// (<see cref="StoreWriter{TWrite, TAnswer}"/>); each write stands or fails by itself.
/// </summary>
/// <remarks>
/// All is on disk before its caller goes on, but the record of an inline query that looks read-only: its transaction is
/// committed, so that every process sees the job, and the flush follows within a second (synchronous_commit = off).
/// Should the store's server crash in between, this process writes it again, also when its end has been answered:
/// <see cref="UnflushedEnds"/>.
/// </remarks>
public sealed class AttemptWriter : IAsyncDisposable
{
    internal static readonly JobFailure Unrun = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "Heimdall's own database went away while this query was being recorded; it was not run.",
        IsTransient = true,
        IsUndone = true,
    };

    /// <summary>How long a record that is written once more stays without its end, which follows at once.</summary>
    private static readonly TimeSpan RestoredLease = TimeSpan.FromSeconds(10);

    private readonly StoreDatabase _database;
    private readonly StoreWriter<AttemptWrite, AttemptWriteAnswer> _writer;
    private readonly UnflushedEnds _unflushed;

    public AttemptWriter(StoreDatabase database, ILogger<AttemptWriter> logger)
    {
        _database = database;
        _writer = new(database.Lifeline, ConnectionLimits.WriterLanes, AttemptWriteBatch.WriteAsync);
        _unflushed = new UnflushedEnds(database, WriteEndAsync, logger);
    }

    public ValueTask DisposeAsync() => _unflushed.DisposeAsync();

    /// <summary>Writes an inline query as the running first attempt of a process.</summary>
    /// <param name="job">The job.</param>
    /// <param name="worker">The process.</param>
    /// <param name="lease">How long its lease is.</param>
    /// <param name="isDurable">False when the flush to disk need not be waited for.</param>
    /// <param name="limit">How long the store may take. What was not sent to it by then is not written.</param>
    /// <param name="callerGone">Ends the wait sooner, when nobody wants the job to run any more.</param>
    /// <exception cref="TimeoutException">The store took longer, and nothing was written.</exception>
    /// <exception cref="RecordInDoubtException">
    /// The store has not answered, and may have written it down; it will be ended.
    /// </exception>
    public async Task<Job> BeginAsync(
        Job job, string worker, TimeSpan lease, bool isDurable, TimeSpan limit, CancellationToken callerGone)
    {
        var write = new InlineBeginning(job, worker, lease, isDurable);
        try
        {
            return Begun(job, (await _writer.AddAsync(write).WaitAsync(limit, callerGone)).Time!.Value);
        }
        catch (Exception exception)
            when (!write.TryGiveUp() && exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            var isCallerGone = exception is OperationCanceledException;
            _ = EndUnrunAsync(job, worker, lease, isDurable, isCallerGone);
            if (isCallerGone)
            {
                throw;
            }
            throw new RecordInDoubtException(exception);
        }
    }

    /// <summary>
    /// The same under an idempotency key. Not in a shared transaction: claiming a key can wait for another transaction,
    /// and all would wait with it.
    /// </summary>
    /// <returns>Null when the key is taken; then nothing is written.</returns>
    /// <exception cref="RecordInDoubtException">
    /// The store has not answered the commit; the record, if it is there, will be ended.
    /// </exception>
    public async Task<Job?> BeginAsync(
        Job job, IdempotencyKey key, string worker, TimeSpan lease, CancellationToken cancellationToken)
    {
        await using var connection = await _database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!await IdempotencyStore.ClaimAsync(connection, key, [job.Id], cancellationToken))
        {
            return null;
        }
        await using var batch = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands = { AttemptWriteBatch.Begin(new InlineBeginning(job, worker, lease, isDurable: true)) },
        };
        if (EndHookStatement.Of([job]) is { } hooks)
        {
            batch.BatchCommands.Add(hooks);
        }
        DateTime time;
        await using (var row = await batch.ExecuteReaderAsync(cancellationToken))
        {
            time = await AttemptWriteBatch.ReadBegunAsync(row, cancellationToken);
        }
        try
        {
            // whether it is committed must be known, also when the caller has gone
            await transaction.CommitAsync(CancellationToken.None);
        }
        catch (NpgsqlException exception) when (exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            // The next request with this key is answered with this job: it must have an end.
            _ = EndUnrunAsync(job, worker, lease, isDurable: true, isCallerGone: false);
            throw new RecordInDoubtException(exception);
        }
        return Begun(job, time);
    }

    /// <summary>Writes the beginning of an inline query once more, if it is not there.</summary>
    /// <param name="job">The job.</param>
    /// <param name="worker">The process that has run it.</param>
    /// <param name="lease">How long its lease is.</param>
    /// <param name="isDurable">False when the flush to disk need not be waited for.</param>
    public Task RestoreAsync(Job job, string worker, TimeSpan lease, bool isDurable) =>
        _writer.AddAsync(new InlineBeginning(job, worker, lease, isDurable, mayBeThere: true));

    /// <summary>Keeps what a plugin needs to find out whether the attempt took effect.</summary>
    /// <returns>
    /// The job's status: a cancel may have been asked for. Null when the attempt is no longer the current one.
    /// </returns>
    public async Task<JobStatus?> RecordEvidenceAsync(
        Job job, string evidence, CancellationToken cancellationToken)
    {
        var write = new EvidenceWrite(job.Id, job.Attempt, evidence, canWait: !job.IsSync);
        return (await _writer.AddAsync(write).WaitAsync(cancellationToken)).Status;
    }

    /// <summary>
    /// Makes sure that the job still belongs to the attempt, writes how far that has come, and gives it a whole lease.
    /// </summary>
    /// <returns>Its status: a cancel may have been asked for. Null when it belongs to another attempt.</returns>
    public async Task<JobStatus?> ConfirmAsync(
        Job job, JobProgress progress, TimeSpan lease, CancellationToken cancellationToken)
    {
        var write = new Confirmation(job.Id, job.Attempt, progress, lease, canWait: !job.IsSync);
        return (await _writer.AddAsync(write).WaitAsync(cancellationToken)).Status;
    }

    /// <summary>Writes how far an attempt has come and a part of its log; nothing where the job is another's.</summary>
    internal Task<AttemptWriteAnswer> SaveAsync(
        Guid id, int attempt, JobProgress? progress, IReadOnlyList<NewLogPiece> log) =>
        _writer.AddAsync(new ProgressWrite(id, attempt, progress) { Log = log });

    internal StoreRetry Retry => _database.Retry;

    /// <summary>
    /// Writes how an attempt and its job ended, once, with the rest of its log, however long the store is down: nobody
    /// else knows it.
    /// </summary>
    /// <returns>The job as it now stands, or null when its attempt is no longer the current one.</returns>
    internal Task<Job?> EndAsync(Ending ending) => _database.Retry.RunAsync(
        async _ =>
        {
            var ended = await WriteEndAsync(ending.Again());
            if (ended is not null && !ending.IsDurable)
            {
                _unflushed.Add(ending, ended);
            }
            return ended;
        },
        CancellationToken.None);

    private static Job Begun(Job job, DateTime time) =>
        Running(job) with { CreatedAt = time, StartedAt = time, UpdatedAt = time };

    private static Job Running(Job job) => job with { Status = JobStatus.Running, IsSync = true, Attempt = 1 };

    private async Task<Job?> WriteEndAsync(Ending ending)
    {
        if (await TryEndAsync(ending) is { } ended)
        {
            return ended;
        }
        if (await FindAsync(ending.JobId) is not { } found)
        {
            if (!ending.Job.IsSync)
            {
                return null;
            }
            // The store's server has crashed before it had the record on disk.
            await RestoreAsync(ending.Job, RunnerName.OfThisProcess, RestoredLease, ending.IsDurable);
            return await TryEndAsync(ending.Again());
        }
        if (found.Attempt != ending.Attempt)
        {
            return null;
        }
        // An earlier try has written it, whose answer was lost; or the record was lost, and has been written again with
        // the renewal of its lease.
        return found.Status.IsFinal() ? found : await TryEndAsync(ending.Again());
    }

    private async Task<Job?> TryEndAsync(Ending ending)
    {
        AttemptWriteAnswer answer;
        try
        {
            answer = await _writer.AddAsync(ending);
        }
        catch (PostgresException exception) when (ending.Log.Count > 0 && !StoreRetry.IsAway(exception))
        {
            answer = await _writer.AddAsync(ending.WithoutLog()); // no line of a log is worth a job's end
        }
        return answer.Time is { } finished
            ? ending.Job with
            {
                Status = ending.Status,
                Failure = ending.Failure,
                Progress = ending.ProgressWithErrors,
                FinishedAt = finished,
                UpdatedAt = finished,
                CanceledBy = answer.CanceledBy,
                LeaseUntil = null,
            }
            : null;
    }

    private async Task<Job?> FindAsync(Guid id)
    {
        await using var connection = await _database.Lifeline.OpenConnectionAsync();
        return await JobStore.FindAsync(connection, id, CancellationToken.None);
    }

    /// <summary>
    /// Has a record that may be there say that its job was not run, however long the store is down. It is written first
    /// if it is not there: an insert that is still on its way could otherwise come after this. Who has gone has canceled
    /// it, as they do while it runs.
    /// </summary>
    private async Task EndUnrunAsync(Job job, string worker, TimeSpan lease, bool isDurable, bool isCallerGone) =>
        await _database.Retry.RunAsync(
        async token =>
        {
            await RestoreAsync(job, worker, lease, isDurable);
            if (isCallerGone)
            {
                await using var connection = await _database.Lifeline.OpenConnectionAsync(token);
                await JobStore.CancelAsync(connection, job.Id, job.User, token);
            }
            return await TryEndAsync(isCallerGone
                ? new Ending(Running(job), JobStatus.Canceled, isDurable) { Progress = new() }
                : new Ending(Running(job), JobStatus.Failed, isDurable) { Failure = Unrun, Progress = new() });
        },
        CancellationToken.None); // should this process end before, its lease does
}
