using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The statements that write records: one for all that begin, one for all that end, whose columns come as arrays. What a statement costs
/// the server beside its rows (to set up indexes, constraints and defaults) is then paid once for all callers of one time.
/// </summary>
internal static class InlineRecordBatch
{
    private const string RelaxSql = "select set_config('synchronous_commit', 'off', true)";

    private const string InsertSql = """
        insert into job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
            cluster_id, cluster_name, command_criteria, cluster_criteria, context, attempt, started_at, worker, lease_until)
        select id, name, version, description, tags::text[], "user", 'RUNNING', true, true, command_id, command_name,
            cluster_id, cluster_name, command_criteria::text[], cluster_criteria::text[], context::json, 1, now(), worker, now() + lease
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as begun (id, name, version, description, tags, "user",
            command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, worker, lease)
        """;

    private const string BeginSql = $"{InsertSql} returning id, created_at, null::text";

    private const string RestoreSql = $"{InsertSql} on conflict (id) do nothing returning id, created_at, null::text";

    // IS TRUE keeps the planner from the index of open jobs: it looks small, and is full of those that have just ended.
    private const string EndSql = """
        update job set status = ended.status, error = ended.error, error_kind = ended.error_kind, errors = ended.errors::json,
            rows_affected = ended.rows_affected, row_count = ended.row_count, truncated = ended.truncated,
            finished_at = now(), updated_at = now(), lease_until = null
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) as ended (id, attempt, status, error, error_kind, errors, rows_affected, row_count, truncated)
        where job.id = ended.id and job.attempt = ended.attempt and (job.status in ('RUNNING', 'CANCELING')) is true
        returning job.id, finished_at, canceled_by
        """;

    /// <summary>Writes records in one transaction, which is committed when this returns.</summary>
    /// <returns>What the store said of each, in their order; nothing of one that found nothing to be written on.</returns>
    public static async Task<InlineRecordAnswer[]> WriteAsync(NpgsqlConnection connection, IReadOnlyList<InlineRecord> records)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (!records.Any(record => record.IsDurable))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(RelaxSql));
        }
        var beginnings = records.OfType<InlineBeginning>().ToLookup(record => record.MayBeThere);
        InlineEnding[] endings = [.. records.OfType<InlineEnding>().OrderBy(record => record.Job.Id)]; // the order in which rows are locked
        if (beginnings.Contains(false))
        {
            batch.BatchCommands.Add(Begin([.. beginnings[false]]));
        }
        if (beginnings.Contains(true))
        {
            batch.BatchCommands.Add(ToStatement(RestoreSql, [.. beginnings[true]]));
        }
        if (endings.Length > 0)
        {
            batch.BatchCommands.Add(ToStatement(endings));
        }
        await batch.PrepareAsync(); // asks the server once for each statement of a connection
        var answers = new Dictionary<(Guid, bool), InlineRecordAnswer>(records.Count);
        await using var row = await batch.ExecuteReaderAsync();
        for (var statement = 0; statement < batch.BatchCommands.Count; statement++)
        {
            if (row.FieldCount == 3)
            {
                var isEnd = endings.Length > 0 && statement == batch.BatchCommands.Count - 1;
                while (await row.ReadAsync())
                {
                    answers[(row.GetGuid(0), isEnd)] = new InlineRecordAnswer(row.GetDateTime(1), row.IsDBNull(2) ? null : row.GetString(2));
                }
            }
            await row.NextResultAsync();
        }
        return [.. records.Select(record => answers.GetValueOrDefault((record.Job.Id, record is InlineEnding)))];
    }

    /// <summary>The statement that writes beginnings. Its rows are the ids and when they were made.</summary>
    public static NpgsqlBatchCommand Begin(params ReadOnlySpan<InlineBeginning> records) => ToStatement(BeginSql, records);

    private static NpgsqlBatchCommand ToStatement(string sql, ReadOnlySpan<InlineBeginning> records)
    {
        var begun = new Columns<InlineBeginning>(records);
        return new NpgsqlBatchCommand(sql)
        {
            Parameters =
            {
                begun.Take(NpgsqlDbType.Uuid, record => record.Job.Id),
                begun.Take(NpgsqlDbType.Text, record => record.Job.Name),
                begun.Take(NpgsqlDbType.Text, record => record.Job.Version),
                begun.Take(NpgsqlDbType.Text, record => record.Job.Description),
                begun.Take(NpgsqlDbType.Text, record => ToArrayLiteral(record.Job.Tags)),
                begun.Take(NpgsqlDbType.Text, record => record.Job.User),
                begun.Take(NpgsqlDbType.Text, record => record.Job.CommandId),
                begun.Take(NpgsqlDbType.Text, record => record.Job.CommandName),
                begun.Take(NpgsqlDbType.Text, record => record.Job.ClusterId),
                begun.Take(NpgsqlDbType.Text, record => record.Job.ClusterName),
                begun.Take(NpgsqlDbType.Text, record => ToArrayLiteral(record.Job.CommandCriteria)),
                begun.Take(NpgsqlDbType.Text, record => ToArrayLiteral(record.Job.ClusterCriteria)),
                begun.Take(NpgsqlDbType.Text, record => record.Job.Context.ToJsonString()),
                begun.Take(NpgsqlDbType.Text, record => record.Worker),
                begun.Take(NpgsqlDbType.Interval, record => record.Lease),
            },
        };
    }

    private static NpgsqlBatchCommand ToStatement(ReadOnlySpan<InlineEnding> records)
    {
        var ended = new Columns<InlineEnding>(records);
        return new NpgsqlBatchCommand(EndSql)
        {
            Parameters =
            {
                ended.Take(NpgsqlDbType.Uuid, record => record.Job.Id),
                ended.Take(NpgsqlDbType.Integer, record => record.Job.Attempt),
                ended.Take(NpgsqlDbType.Text, record => record.Status.ToName()),
                ended.Take(NpgsqlDbType.Text, record => record.Failure?.Message),
                ended.Take(NpgsqlDbType.Text, record => record.Failure?.Kind.ToString()),
                ended.Take(NpgsqlDbType.Text, record => JobRow.WriteErrors(record.Failure?.Errors)),
                ended.Take(NpgsqlDbType.Bigint, record => record.Progress.RowsAffected),
                ended.Take(NpgsqlDbType.Bigint, record => record.Progress.RowCount),
                ended.Take(NpgsqlDbType.Boolean, record => record.Progress.Truncated),
            },
        };
    }

    /// <summary>An array in PostgreSQL's own text form: arrays of arrays would all need one length.</summary>
    private static string ToArrayLiteral(IReadOnlyList<string> texts)
    {
        var literal = new StringBuilder("{");
        foreach (var text in texts)
        {
            literal.Append(literal.Length == 1 ? "\"" : ",\"").Append(text.Replace("\\", "\\\\").Replace("\"", "\\\"")).Append('"');
        }
        return literal.Append('}').ToString();
    }

    private readonly ref struct Columns<TRecord>(ReadOnlySpan<TRecord> records)
    {
        private readonly ReadOnlySpan<TRecord> _records = records;

        /// <summary>One column of all records.</summary>
        public NpgsqlParameter<T[]> Take<T>(NpgsqlDbType type, Func<TRecord, T> read)
        {
            var values = new T[_records.Length];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = read(_records[i]);
            }
            return new NpgsqlParameter<T[]> { NpgsqlDbType = type | NpgsqlDbType.Array, TypedValue = values };
        }
    }
}
