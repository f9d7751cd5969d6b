using System.Threading.Channels;
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
public sealed class InlineRecords : IDisposable
{
    private const int MostTogether = 64;

    // Two: while the store commits one transaction, the next is being written.
    private const int Lanes = 2;

    private const string InsertSql = """
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
            cluster_id, cluster_name, command_criteria, cluster_criteria, context, attempt, started_at, worker, lease_until)
        values ($1, $2, $3, $4, $5, $6, 'RUNNING', true, true, $7, $8, $9, $10, $11, $12, $13, 1, now(), $14, now() + $15)
        """;

    private const string BeginSql = $"{InsertSql} returning created_at";

    /// <summary>Of a record that may be there already, or may yet come: whichever is second finds the first.</summary>
    private const string RestoreSql = $"{InsertSql} on conflict (id) do nothing returning created_at";

    private const string EndSql = """
        update job set status = $3, error = $4, error_kind = $5, errors = $6, rows_affected = $7, row_count = $8, truncated = $9,
            finished_at = now(), updated_at = now(), lease_until = null
        where id = $1 and attempt = $2 and status in ('RUNNING', 'CANCELING')
        returning finished_at, canceled_by
        """;

    private const string RelaxSql = "select set_config('synchronous_commit', 'off', true)";

    private static readonly JobFailure Unrun = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "Heimdall's own database went away while this query was being recorded; it was not run.",
    };

    private readonly StoreDatabase _database;
    private readonly Channel<Record> _records = Channel.CreateUnbounded<Record>();
    private readonly Task[] _lanes;

    public InlineRecords(StoreDatabase database)
    {
        _database = database;
        _lanes = [.. Enumerable.Range(0, Lanes).Select(_ => WriteAsync())];
    }

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
        var record = BeginningOf(BeginSql, job, worker, lease, isDurable);
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
        await using var batch = new NpgsqlBatch(connection, transaction) { BatchCommands = { BeginningOf(BeginSql, job, worker, lease) } };
        var time = (DateTime)(await batch.ExecuteScalarAsync(cancellationToken))!;
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
    public Task RestoreAsync(Job job, string worker, TimeSpan lease, bool isDurable) => AddAsync(BeginningOf(RestoreSql, job, worker, lease, isDurable));

    /// <summary>Writes how a job ended, once.</summary>
    /// <returns>The job as it now stands, or null when its attempt is no longer the current one, or the job is not there.</returns>
    public async Task<Job?> EndAsync(Job job, JobStatus status, JobFailure? failure, JobProgress progress, bool isDurable)
    {
        NpgsqlBatchCommand ToCommand() => JobParameters.ToStatement(
            EndSql, job.Id, job.Attempt, status.ToName(), new JobParameters.Null<string>(failure?.Message), new JobParameters.Null<string>(failure?.Kind.ToString()),
            new JobParameters.JsonText(JobRow.WriteErrors(failure?.Errors)), new JobParameters.Null<long?>(progress.RowsAffected),
            new JobParameters.Null<long?>(progress.RowCount), new JobParameters.Null<bool?>(progress.Truncated));
        var written = await AddAsync(new Record(ToCommand, isDurable, row => row.GetDateTime(0), row => row.IsDBNull(1) ? null : row.GetString(1)));
        return written.Time is { } finished
            ? job with { Status = status, Failure = failure, Progress = progress, FinishedAt = finished, UpdatedAt = finished, CanceledBy = written.Text, LeaseUntil = null }
            : null;
    }

    public void Dispose() => _records.Writer.TryComplete();

    private static Record BeginningOf(string sql, Job job, string worker, TimeSpan lease, bool isDurable) =>
        new(() => BeginningOf(sql, job, worker, lease), isDurable, row => row.GetDateTime(0), null);

    private static NpgsqlBatchCommand BeginningOf(string sql, Job job, string worker, TimeSpan lease) => JobParameters.ToStatement(
        sql, job.Id, job.Name, job.Version, job.Description, JobParameters.ToArray(job.Tags), job.User, job.CommandId, job.CommandName,
        job.ClusterId, job.ClusterName, JobParameters.ToArray(job.CommandCriteria), JobParameters.ToArray(job.ClusterCriteria),
        new JobParameters.JsonText(job.Context.ToJsonString()), worker, lease);

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

    private Task<Written> AddAsync(Record record) =>
        _records.Writer.TryWrite(record) ? record.Answer.Task : throw new ObjectDisposedException(nameof(InlineRecords));

    private async Task WriteAsync()
    {
        var together = new List<Record>(MostTogether);
        while (await _records.Reader.WaitToReadAsync())
        {
            while (together.Count < MostTogether && _records.Reader.TryRead(out var record))
            {
                if (!record.IsGivenUp)
                {
                    together.Add(record);
                }
            }
            await TryWriteAsync(together);
            together.Clear();
        }
    }

    private async Task TryWriteAsync(List<Record> together)
    {
        if (together.Count == 0)
        {
            return; // the other lane was quicker, or nobody waits any more
        }
        try
        {
            await WriteAsync(together);
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

    private async Task WriteAsync(List<Record> together)
    {
        Written[] written;
        await using (var connection = await _database.DataSource.OpenConnectionAsync())
        await using (var batch = new NpgsqlBatch(connection))
        {
            together.RemoveAll(record => !record.TryTake());
            if (together.Count == 0)
            {
                return;
            }
            written = new Written[together.Count];
            var isRelaxed = !together.Any(record => record.IsDurable);
            if (isRelaxed)
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand(RelaxSql));
            }
            foreach (var record in together)
            {
                batch.BatchCommands.Add(record.ToCommand());
            }
            // All of a batch is one transaction, which is committed when its end has been read.
            await using var row = await batch.ExecuteReaderAsync();
            if (isRelaxed)
            {
                await row.NextResultAsync();
            }
            for (var i = 0; i < written.Length; i++)
            {
                written[i] = await row.ReadAsync() ? new Written(together[i].ReadTime(row), together[i].ReadText?.Invoke(row)) : default;
                await row.NextResultAsync();
            }
        }
        for (var i = 0; i < written.Length; i++)
        {
            together[i].Answer.TrySetResult(written[i]);
        }
    }

    /// <param name="Time">When the store wrote it; null when there was nothing to write it on.</param>
    /// <param name="Text">What else it says.</param>
    private readonly record struct Written(DateTime? Time, string? Text);

    /// <param name="ToCommand">Makes the statement, anew for each try: Npgsql keeps in it what one connection has prepared.</param>
    private sealed record Record(Func<NpgsqlBatchCommand> ToCommand, bool IsDurable, Func<NpgsqlDataReader, DateTime> ReadTime, Func<NpgsqlDataReader, string?>? ReadText)
    {
        private const int Waiting = 0;
        private const int Taken = 1;
        private const int GivenUp = 2;

        private int _state = Waiting;

        public TaskCompletionSource<Written> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsGivenUp => Volatile.Read(ref _state) == GivenUp;

        /// <summary>Takes it to send it.</summary>
        /// <returns>False when nobody waits for it any more.</returns>
        public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) != GivenUp;

        /// <returns>True when it has not been sent, and never will be.</returns>
        public bool TryGiveUp() => Interlocked.CompareExchange(ref _state, GivenUp, Waiting) != Taken;
    }
}
