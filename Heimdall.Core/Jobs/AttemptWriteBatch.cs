using Heimdall.Core.Plugins;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The statements that write for many attempts: one for each kind of write, whose columns come as arrays. What a
/// statement costs the server beside its rows (to set up indexes, constraints and defaults) is then paid once for all
/// callers of one time. Each row is conditional on the job's status and attempt.
/// </summary>
internal static class AttemptWriteBatch
{
    private const int AnswerColumns = 5;

    private const string RelaxSql = "select set_config('synchronous_commit', 'off', true)";

    // In the order of ids, as RenewSql does: two that lock many rows, each in its own order, would wait for each other.
    // Then nobody takes a job over between two statements of the transaction.
    private const string LockSql = "select from job where id = any($1) order by id for no key update";

    private const string EvidenceSql = $"""
        update job_attempt set evidence = taken.evidence
        from unnest($1, $2, $3) as taken (id, attempt, evidence)
            join job on job.id = taken.id and job.attempt = taken.attempt
        where job_attempt.job_id = taken.id and job_attempt.attempt = taken.attempt and {JobTransitions.IsRunning}
        returning 'evidence', taken.id, now(), job.canceled_by, job.status
        """;

    private const string LogSql = $"""
        insert into job_log (job_id, attempt, stream, piece, lines)
        select added.id, added.attempt, added.stream, added.piece, added.lines
        from unnest($1, $2, $3, $4, $5) with ordinality as added (id, attempt, stream, piece, lines, place)
            join job on job.id = added.id and job.attempt = added.attempt
        where {JobTransitions.IsRunning} order by added.place
        on conflict (job_id, attempt, stream, piece) where piece is not null do nothing
        """;

    private const string ProgressSql = $"""
        update job set statements = made.statements, statements_total = made.statements_total,
            bytes_read = made.bytes_read, bytes_total = made.bytes_total, rows_affected = made.rows_affected,
            row_count = made.row_count, truncated = made.truncated, sha256 = made.sha256, errors = made.errors::json,
            resume_from = made.resume_from, files = made.files::json, can_resume = made.can_resume, updated_at = now()
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) as made (
            id, attempt, statements, statements_total, bytes_read, bytes_total, rows_affected, row_count, truncated,
            sha256, errors, resume_from, files, can_resume)
        where job.id = made.id and job.attempt = made.attempt and {JobTransitions.IsRunning}
        """;

    private const string ConfirmSql = $"""
        update job set lease_until = now() + confirmed.lease, statements = confirmed.statements,
            statements_total = confirmed.statements_total, bytes_read = confirmed.bytes_read,
            bytes_total = confirmed.bytes_total, rows_affected = confirmed.rows_affected,
            row_count = confirmed.row_count, truncated = confirmed.truncated, sha256 = confirmed.sha256,
            errors = confirmed.errors::json, resume_from = confirmed.resume_from, files = confirmed.files::json,
            can_resume = confirmed.can_resume, updated_at = now()
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as confirmed (
            id, attempt, lease, statements, statements_total, bytes_read, bytes_total, rows_affected, row_count,
            truncated, sha256, errors, resume_from, files, can_resume)
        where job.id = confirmed.id and job.attempt = confirmed.attempt and {JobTransitions.IsRunning}
        returning 'confirmed', job.id, now(), job.canceled_by, job.status
        """;

    /// <summary>Writes in one transaction, which is committed when this returns.</summary>
    /// <returns>The store's answer to each, in their order.</returns>
    public static async Task<IReadOnlyList<AttemptWriteAnswer>> WriteAsync(
        NpgsqlConnection connection, IReadOnlyList<AttemptWrite> writes)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (!writes.Any(write => write.IsDurable))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(RelaxSql));
        }
        Lock(batch, writes);
        var begun = writes.OfType<InlineBeginning>().ToLookup(write => write.MayBeThere);
        Add(batch, begun[false], rows => ToInsert(JobTransitions.BeginInline, rows));
        Add(batch, begun[true], rows => ToInsert(JobTransitions.RestoreInline, rows));
        if (EndHookStatement.Of(begun.SelectMany(same => same).Select(write => write.Job)) is { } hooks)
        {
            batch.BatchCommands.Add(hooks);
        }
        Add(batch, writes.OfType<EvidenceWrite>(), ToStatement);
        Add(batch, writes.SelectMany(write => write.Log.Select(piece => (write, piece))), ToStatement);
        Add(batch, writes.OfType<ProgressWrite>().Where(write => write.Progress is not null), ToStatement);
        Add(batch, writes.OfType<Confirmation>(), ToStatement);
        var ended = writes.OfType<Ending>().ToLookup(write => write.IsInline);
        Add(batch, ended[true].OrderBy(write => write.JobId), ToInlineEnd); // the order in which rows are locked
        Add(batch, ended[false], ToEnd);
        if (batch.BatchCommands.Count == 0)
        {
            return new AttemptWriteAnswer[writes.Count]; // neither progress nor log
        }
        await batch.PrepareAsync(); // asks the server once for each statement of a connection
        var answers = new Dictionary<(string, Guid), AttemptWriteAnswer>(writes.Count);
        await using var row = await batch.ExecuteReaderAsync();
        do
        {
            while (await row.ReadAsync())
            {
                if (row.FieldCount == AnswerColumns)
                {
                    answers[(row.GetString(0), row.GetGuid(1))] = new AttemptWriteAnswer(
                        row.GetDateTime(2),
                        row.IsDBNull(3) ? null : row.GetString(3),
                        row.IsDBNull(4) ? null : JobStatusNames.Parse(row.GetString(4)));
                }
            }
        }
        while (await row.NextResultAsync());
        return [.. writes.Select(write => answers.GetValueOrDefault((AnswerOf(write), write.JobId)))];
    }

    /// <summary>The statement that writes a beginning alone; see <see cref="ReadBegunAsync"/>.</summary>
    public static NpgsqlBatchCommand Begin(InlineBeginning beginning) =>
        ToInsert(JobTransitions.BeginInline, new ColumnArrays<InlineBeginning>([beginning]));

    /// <returns>When it was written.</returns>
    public static async Task<DateTime> ReadBegunAsync(NpgsqlDataReader row, CancellationToken cancellationToken)
    {
        await row.ReadAsync(cancellationToken);
        return row.GetDateTime(2);
    }

    private static string AnswerOf(AttemptWrite write) => write switch
    {
        InlineBeginning => "begun",
        EvidenceWrite => "evidence",
        Confirmation => "confirmed",
        _ => "ended",
    };

    /// <summary>
    /// Beginnings have no rows yet, and ends of inline queries alone lock theirs in one statement, in their order.
    /// </summary>
    private static void Lock(NpgsqlBatch batch, IReadOnlyList<AttemptWrite> writes)
    {
        if (writes.Any(write => write is not (InlineBeginning or Ending { IsInline: true, Log.Count: 0 })))
        {
            var ids = writes.Where(write => write is not InlineBeginning).Select(write => write.JobId);
            batch.BatchCommands.Add(new NpgsqlBatchCommand(LockSql)
            {
                Parameters = { new NpgsqlParameter<Guid[]> { TypedValue = [.. ids] } },
            });
        }
    }

    private static void Add<T>(
        NpgsqlBatch batch, IEnumerable<T> rows, Func<ColumnArrays<T>, NpgsqlBatchCommand> toStatement)
    {
        T[] all = [.. rows];
        if (all.Length > 0)
        {
            batch.BatchCommands.Add(toStatement(new ColumnArrays<T>(all)));
        }
    }

    private static NpgsqlBatchCommand ToInsert(string sql, ColumnArrays<InlineBeginning> begun) => new(sql)
    {
        Parameters =
        {
            begun.Take(NpgsqlDbType.Uuid, write => write.JobId),
            begun.Take(NpgsqlDbType.Text, write => write.Job.Name),
            begun.Take(NpgsqlDbType.Text, write => write.Job.Version),
            begun.Take(NpgsqlDbType.Text, write => write.Job.Description),
            begun.TakeArrays(write => write.Job.Tags),
            begun.Take(NpgsqlDbType.Text, write => write.Job.User),
            begun.Take(NpgsqlDbType.Text, write => write.Job.CommandId),
            begun.Take(NpgsqlDbType.Text, write => write.Job.CommandName),
            begun.Take(NpgsqlDbType.Text, write => write.Job.ClusterId),
            begun.Take(NpgsqlDbType.Text, write => write.Job.ClusterName),
            begun.TakeArrays(write => write.Job.CommandCriteria),
            begun.TakeArrays(write => write.Job.ClusterCriteria),
            begun.Take(NpgsqlDbType.Text, write => write.Job.Context.ToJsonString()),
            begun.Take(NpgsqlDbType.TimestampTz, write => write.CreatedAt),
            begun.Take(NpgsqlDbType.Text, write => write.Worker),
            begun.Take(NpgsqlDbType.Interval, write => write.Lease),
            begun.Take(NpgsqlDbType.Text, write => write.Job.Traceparent),
        },
    };

    private static NpgsqlBatchCommand ToStatement(ColumnArrays<EvidenceWrite> taken) => new(EvidenceSql)
    {
        Parameters =
        {
            taken.Take(NpgsqlDbType.Uuid, write => write.JobId),
            taken.Take(NpgsqlDbType.Integer, write => write.Attempt),
            taken.Take(NpgsqlDbType.Text, write => write.Evidence),
        },
    };

    private static NpgsqlBatchCommand ToStatement(ColumnArrays<(AttemptWrite Write, NewLogPiece Piece)> added) =>
        new(LogSql)
        {
            Parameters =
        {
            added.Take(NpgsqlDbType.Uuid, row => row.Write.JobId),
            added.Take(NpgsqlDbType.Integer, row => row.Write.Attempt),
            added.Take(NpgsqlDbType.Text, row => JobLogStore.ToName(row.Piece.Stream)),
            added.Take(NpgsqlDbType.Integer, row => row.Piece.Number),
            added.Take(NpgsqlDbType.Text, row => row.Piece.Lines),
        },
        };

    private static NpgsqlBatchCommand ToStatement(ColumnArrays<ProgressWrite> made)
    {
        var command = new NpgsqlBatchCommand(ProgressSql)
        {
            Parameters =
            {
                made.Take(NpgsqlDbType.Uuid, write => write.JobId),
                made.Take(NpgsqlDbType.Integer, write => write.Attempt),
            },
        };
        AddProgress(command, made, write => write.Progress!);
        return command;
    }

    private static NpgsqlBatchCommand ToStatement(ColumnArrays<Confirmation> confirmed)
    {
        var command = new NpgsqlBatchCommand(ConfirmSql)
        {
            Parameters =
            {
                confirmed.Take(NpgsqlDbType.Uuid, write => write.JobId),
                confirmed.Take(NpgsqlDbType.Integer, write => write.Attempt),
                confirmed.Take(NpgsqlDbType.Interval, write => write.Lease),
            },
        };
        AddProgress(command, confirmed, write => write.Progress);
        return command;
    }

    private static NpgsqlBatchCommand ToInlineEnd(ColumnArrays<Ending> ended) => new(JobTransitions.EndInline)
    {
        Parameters =
        {
            ended.Take(NpgsqlDbType.Uuid, write => write.JobId),
            ended.Take(NpgsqlDbType.Integer, write => write.Attempt),
            ended.Take(NpgsqlDbType.Text, write => write.Status.ToName()),
            ended.Take(NpgsqlDbType.Text, write => write.Failure?.Message),
            ended.Take(NpgsqlDbType.Text, write => write.Failure?.Kind.ToString()),
            ended.Take(NpgsqlDbType.Text, write => JobRow.WriteErrors(write.Failure?.Errors)),
            ended.Take(NpgsqlDbType.Bigint, write => write.Progress.RowsAffected),
            ended.Take(NpgsqlDbType.Bigint, write => write.Progress.RowCount),
            ended.Take(NpgsqlDbType.Boolean, write => write.Progress.Truncated),
            ended.Take(NpgsqlDbType.TimestampTz, write => write.FinishedAt),
        },
    };

    private static NpgsqlBatchCommand ToEnd(ColumnArrays<Ending> ended)
    {
        var command = new NpgsqlBatchCommand(JobTransitions.End)
        {
            Parameters =
            {
                ended.Take(NpgsqlDbType.Uuid, write => write.JobId),
                ended.Take(NpgsqlDbType.Integer, write => write.Attempt),
                ended.Take(NpgsqlDbType.Text, write => write.Status.ToName()),
                ended.Take(NpgsqlDbType.Text, write => write.Failure?.Message),
                ended.Take(NpgsqlDbType.Text, write => write.Failure?.Kind.ToString()),
            },
        };
        AddProgress(command, ended, write => write.ProgressWithErrors);
        command.Parameters.Add(ended.Take(NpgsqlDbType.Text, write => write.Failure?.SqlState));
        command.Parameters.Add(ended.Take(NpgsqlDbType.Text, write => write.Detail));
        command.Parameters.Add(ended.Take(NpgsqlDbType.Integer, write => write.Rows?.Attempt));
        command.Parameters.Add(ended.Take(NpgsqlDbType.Bigint, write => write.Rows?.Rows));
        command.Parameters.Add(ended.Take(NpgsqlDbType.Boolean, write => write.Rows?.Truncated));
        command.Parameters.Add(ended.Take(NpgsqlDbType.Interval, write => write.Rows?.Retention));
        return command;
    }

    private static void AddProgress<T>(NpgsqlBatchCommand command, ColumnArrays<T> rows, Func<T, JobProgress> read)
    {
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).Statements));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).StatementsTotal));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).BytesRead));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).BytesTotal));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).RowsAffected));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).RowCount));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Boolean, row => read(row).Truncated));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Text, row => read(row).Sha256));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Text, row => JobRow.WriteErrors(read(row).Errors)));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Bigint, row => read(row).ResumeFrom));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Text, row => JobRow.WriteFiles(read(row).Files)));
        command.Parameters.Add(rows.Take(NpgsqlDbType.Boolean, row => read(row).CanResume));
    }
}
