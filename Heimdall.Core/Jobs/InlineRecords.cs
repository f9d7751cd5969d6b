using System.Collections.Concurrent;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Writes down the beginnings and ends of inline queries. What several callers want written at one time shares a transaction, and so one
/// flush to disk: while one is under way, the next gathers.
/// </summary>
/// <remarks>
/// What a query that may write has begun, or has done, is on disk before its caller goes on. Of one that by its words only reads the transaction is
/// committed, so that every process sees the job, and the flush follows within a second (synchronous_commit = off). Should the store's
/// server crash in between, the process that runs the job brings its record back; lost is only one whose API process died in that same second.
/// </remarks>
public sealed class InlineRecords
{
    private const int MostTogether = 64;

    private const int Tries = 3;

    /// <summary>The class of SQLSTATE that says so, as of a deadlock: the same transaction may well succeed.</summary>
    private const string RolledBack = "40";

    // While the store commits one transaction, the next is being written.
    private const int Lanes = ConnectionLimits.WriterLanes;

    private static readonly JobFailure Unrun = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "Heimdall's own database went away while this query was being recorded; it was not run.",
    };

    private readonly StoreDatabase _database;
    private readonly ConcurrentQueue<InlineRecord> _waiting = new();
    private int _busyLanes;

    public InlineRecords(StoreDatabase database) => _database = database;

    /// <summary>Writes a job as the running first attempt of a process.</summary>
    /// <param name="job">The job.</param>
    /// <param name="worker">The process.</param>
    /// <param name="lease">How long it is believed to be alive.</param>
    /// <param name="isDurable">False when the flush to disk need not be waited for.</param>
    /// <param name="patience">How long the store may take. What was not sent to it by then is not written.</param>
    /// <param name="callerGone">Ends the wait sooner, when nobody wants the job to run any more.</param>
    /// <exception cref="TimeoutException">The store took longer, and nothing was written.</exception>
    /// <exception cref="RecordInDoubtException">The store has not answered, and may have written it down; it will be ended.</exception>
    public async Task<Job> BeginAsync(Job job, string worker, TimeSpan lease, bool isDurable, TimeSpan patience, CancellationToken callerGone)
    {
        var begun = job with { Status = JobStatus.Running, IsSync = true, Attempt = 1 };
        var record = new InlineBeginning(job, worker, lease, isDurable);
        try
        {
            var written = await AddAsync(record).WaitAsync(patience, callerGone);
            return begun with { CreatedAt = written.Time!.Value, StartedAt = written.Time, UpdatedAt = written.Time.Value };
        }
        catch (Exception exception) when (!record.TryGiveUp() && exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            _ = EndUnrunAsync(begun, worker, lease, isDurable);
            if (exception is OperationCanceledException)
            {
                throw; // nobody is there to be told
            }
            throw new RecordInDoubtException(exception);
        }
    }

    /// <summary>The same under an idempotency key, in a transaction of its own: others must not wait for what a key may wait for.</summary>
    /// <returns>Null when the key is taken; then nothing is written.</returns>
    /// <exception cref="RecordInDoubtException">The store has not answered the commit; the record, if it is there, will be ended.</exception>
    public async Task<Job?> BeginAsync(Job job, IdempotencyKey key, string worker, TimeSpan lease, CancellationToken cancellationToken)
    {
        var begun = job with { Status = JobStatus.Running, IsSync = true, Attempt = 1 };
        await using var connection = await _database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!await IdempotencyStore.ClaimAsync(connection, key, [job.Id], cancellationToken))
        {
            return null;
        }
        await using var batch = new NpgsqlBatch(connection, transaction) { BatchCommands = { InlineRecordBatch.Begin(new InlineBeginning(job, worker, lease, isDurable: true)) } };
        DateTime time;
        await using (var row = await batch.ExecuteReaderAsync(cancellationToken))
        {
            await row.ReadAsync(cancellationToken);
            time = row.GetDateTime(1);
        }
        try
        {
            await transaction.CommitAsync(CancellationToken.None); // whether it is committed must be known, also when the caller has gone
        }
        catch (NpgsqlException exception) when (exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            // Under the same key the same query will be told of this job: it must have an end.
            _ = EndUnrunAsync(begun, worker, lease, isDurable: true);
            throw new RecordInDoubtException(exception);
        }
        return begun with { CreatedAt = time, StartedAt = time, UpdatedAt = time };
    }

    /// <summary>Writes the beginning of a job once more, if it is not there.</summary>
    /// <param name="job">The job.</param>
    /// <param name="worker">The process that has run it.</param>
    /// <param name="lease">How long that is believed to be alive.</param>
    /// <param name="isDurable">False when the flush to disk need not be waited for.</param>
    public Task RestoreAsync(Job job, string worker, TimeSpan lease, bool isDurable) =>
        AddAsync(new InlineBeginning(job, worker, lease, isDurable, mayBeThere: true));

    /// <summary>Writes how a job ended, once.</summary>
    /// <returns>The job as it now stands, or null when its attempt is no longer the current one, or the job is not there.</returns>
    public async Task<Job?> EndAsync(Job job, JobStatus status, JobFailure? failure, JobProgress progress, bool isDurable)
    {
        var written = await AddAsync(new InlineEnding(job, status, failure, progress, isDurable));
        return written.Time is { } finished
            ? job with { Status = status, Failure = failure, Progress = progress, FinishedAt = finished, UpdatedAt = finished, CanceledBy = written.CanceledBy, LeaseUntil = null }
            : null;
    }

    /// <summary>
    /// Has a record that may be there say that its job was not run, however long the store is away. It is written first if it is not there: an
    /// insert that is still on its way could otherwise come after this.
    /// </summary>
    private async Task EndUnrunAsync(Job begun, string worker, TimeSpan lease, bool isDurable) => await StoreRetry.RunAsync(
        async _ =>
        {
            await RestoreAsync(begun, worker, lease, isDurable);
            return await EndAsync(begun, JobStatus.Failed, Unrun, new JobProgress(), isDurable);
        },
        CancellationToken.None); // should this process end before, its lease does

    /// <summary>Has a record written with those that wait, by its caller if nobody else is at it: a way without a change of threads.</summary>
    private Task<InlineRecordAnswer> AddAsync(InlineRecord record)
    {
        _waiting.Enqueue(record);
        return TryTakeLane() ? WriteAndLeaveAsync(record) : record.Answer.Task;
    }

    private async Task<InlineRecordAnswer> WriteAndLeaveAsync(InlineRecord mine)
    {
        await WriteAndLeaveAsync();
        return await mine.Answer.Task; // another lane may have it
    }

    private async Task WriteAndLeaveAsync()
    {
        try
        {
            await WriteWaitingAsync();
        }
        finally
        {
            LeaveLane();
        }
    }

    private bool TryTakeLane()
    {
        int busy;
        do
        {
            busy = Volatile.Read(ref _busyLanes);
            if (busy == Lanes)
            {
                return false;
            }
        }
        while (Interlocked.CompareExchange(ref _busyLanes, busy + 1, busy) != busy);
        return true;
    }

    /// <summary>Whoever found no lane has put his record there before: it is found here.</summary>
    private void LeaveLane()
    {
        Interlocked.Decrement(ref _busyLanes);
        if (!_waiting.IsEmpty && TryTakeLane())
        {
            _ = Task.Run(WriteAndLeaveAsync);
        }
    }

    private async Task WriteWaitingAsync()
    {
        var together = new List<InlineRecord>();
        while (together.Count < MostTogether && _waiting.TryDequeue(out var record))
        {
            if (!record.IsGivenUp)
            {
                together.Add(record);
            }
        }
        await TryWriteAsync(together);
    }

    private async Task TryWriteAsync(List<InlineRecord> together, int triesLeft = Tries)
    {
        if (together.Count == 0)
        {
            return; // the other lane was quicker, or nobody waits any more
        }
        try
        {
            await WriteAsync(together);
        }
        catch (PostgresException exception) when (exception.SqlState.StartsWith(RolledBack, StringComparison.Ordinal) && triesLeft > 1)
        {
            await TryWriteAsync(together, triesLeft - 1);
        }
        catch (Exception exception) when (together.Count > 1 && !(exception is NpgsqlException npgsql && StoreRetry.IsAway(npgsql)))
        {
            // One of them cannot be written; the others must not suffer for it.
            foreach (var record in together)
            {
                await TryWriteAsync([record]);
            }
        }
        catch (Exception exception)
        {
            foreach (var record in together)
            {
                record.Answer.TrySetException(exception);
            }
        }
    }

    private async Task WriteAsync(List<InlineRecord> together)
    {
        InlineRecordAnswer[] answers;
        await using (var connection = await _database.Lifeline.OpenConnectionAsync())
        {
            together.RemoveAll(record => !record.TryTake());
            if (together.Count == 0)
            {
                return;
            }
            answers = await InlineRecordBatch.WriteAsync(connection, together);
        }
        for (var i = 0; i < answers.Length; i++)
        {
            together[i].Answer.TrySetResult(answers[i]);
        }
    }
}
