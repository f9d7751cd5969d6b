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
/// server crash in between, the end of the job brings its record back; lost is only one whose API process died in that same second.
/// </remarks>
public sealed class InlineRecords : IDisposable
{
    private const int MostTogether = 64;

    // Two: while the store commits one transaction, the next is being written.
    private const int Lanes = 2;

    private const string BeginSql = """
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
            cluster_id, cluster_name, command_criteria, cluster_criteria, context, attempt, started_at, worker, lease_until)
        values ($1, $2, $3, $4, $5, $6, 'RUNNING', true, true, $7, $8, $9, $10, $11, $12, $13, 1, now(), $14, now() + $15)
        returning created_at
        """;

    private const string EndSql = """
        update job set status = $3, error = $4, error_kind = $5, errors = $6, rows_affected = $7, row_count = $8, truncated = $9,
            finished_at = now(), updated_at = now(), lease_until = null
        where id = $1 and attempt = $2 and status in ('RUNNING', 'CANCELING')
        returning finished_at, canceled_by
        """;

    private const string RelaxSql = "select set_config('synchronous_commit', 'off', true)";

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
    public async Task<Job> BeginAsync(Job job, string worker, TimeSpan lease, bool isDurable)
    {
        var begun = job with { Status = JobStatus.Running, IsSync = true, Attempt = 1 };
        var written = await AddAsync(new Record(() => BeginCommand(job, worker, lease), isDurable, row => row.GetDateTime(0), null));
        return begun with { CreatedAt = written.Time!.Value, StartedAt = written.Time, UpdatedAt = written.Time.Value };
    }

    /// <summary>The same under an idempotency key, in a transaction of its own: others must not wait for what a key may wait for.</summary>
    /// <returns>Null when the key is taken; then nothing is written.</returns>
    public async Task<Job?> BeginAsync(Job job, IdempotencyKey key, string worker, TimeSpan lease, CancellationToken cancellationToken)
    {
        await using var connection = await _database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!await IdempotencyStore.ClaimAsync(connection, key, [job.Id], cancellationToken))
        {
            return null;
        }
        await using var batch = new NpgsqlBatch(connection, transaction) { BatchCommands = { BeginCommand(job, worker, lease) } };
        var begun = (DateTime)(await batch.ExecuteScalarAsync(cancellationToken))!;
        await transaction.CommitAsync(CancellationToken.None); // whether it is committed must be known, also when the caller has gone
        return job with { Status = JobStatus.Running, IsSync = true, Attempt = 1, CreatedAt = begun, StartedAt = begun, UpdatedAt = begun };
    }

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

    private static NpgsqlBatchCommand BeginCommand(Job job, string worker, TimeSpan lease) => JobParameters.ToStatement(
        BeginSql, job.Id, job.Name, job.Version, job.Description, JobParameters.ToArray(job.Tags), job.User, job.CommandId, job.CommandName,
        job.ClusterId, job.ClusterName, JobParameters.ToArray(job.CommandCriteria), JobParameters.ToArray(job.ClusterCriteria),
        new JobParameters.JsonText(job.Context.ToJsonString()), worker, lease);

    private Task<Written> AddAsync(Record record) =>
        _records.Writer.TryWrite(record) ? record.Answer.Task : throw new ObjectDisposedException(nameof(InlineRecords));

    private async Task WriteAsync()
    {
        var together = new List<Record>(MostTogether);
        while (await _records.Reader.WaitToReadAsync())
        {
            while (together.Count < MostTogether && _records.Reader.TryRead(out var record))
            {
                together.Add(record);
            }
            await TryWriteAsync(together);
            together.Clear();
        }
    }

    private async Task TryWriteAsync(IReadOnlyList<Record> together)
    {
        if (together.Count == 0)
        {
            return; // the other lane was quicker
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

    private async Task WriteAsync(IReadOnlyList<Record> together)
    {
        var written = new Written[together.Count];
        await using (var connection = await _database.DataSource.OpenConnectionAsync())
        await using (var batch = new NpgsqlBatch(connection))
        {
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
        public TaskCompletionSource<Written> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
