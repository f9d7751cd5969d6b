using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>Reads where many jobs stand, for those who watch them.</summary>
public sealed class JobNewsStore(StoreDatabase database)
{
    private const string SelectSql = """
        select id, status, attempt, started_at, finished_at, case when attempt > 0 then retry_at end, error, canceled_by,
            statements, statements_total, bytes_read, bytes_total, rows_affected, row_count, truncated,
            coalesce(greatest(
                (select max(log.id) from job_log log where log.job_id = job.id and stream = 'stdout'),
                (select max(log.id) from job_log log where log.job_id = job.id and stream = 'stderr')), 0),
            fan_out::text
        from job where id = any($1)
        """;

    /// <summary>Of those that are there. When one has ended, all of its log has been written.</summary>
    public async Task<IReadOnlyList<JobNews>> ReadAsync(Guid[] ids, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectSql);
        command.Parameters.Add(new() { Value = ids });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var news = new List<JobNews>(ids.Length);
        while (await row.ReadAsync(cancellationToken))
        {
            news.Add(Read(row));
        }
        return news;
    }

    private static JobNews Read(NpgsqlDataReader row)
    {
        var state = new JobState
        {
            Status = JobStatusNames.Parse(row.GetString(1)),
            Attempt = row.GetInt32(2),
            StartedAt = Value(3, row.GetDateTime),
            FinishedAt = Value(4, row.GetDateTime),
            RetryAt = Value(5, row.GetDateTime),
            Error = row.IsDBNull(6) ? null : row.GetString(6),
            CanceledBy = row.IsDBNull(7) ? null : row.GetString(7),
        };
        var progress = new JobProgress
        {
            Statements = Value(8, row.GetInt64),
            StatementsTotal = Value(9, row.GetInt64),
            BytesRead = Value(10, row.GetInt64),
            BytesTotal = Value(11, row.GetInt64),
            RowsAffected = Value(12, row.GetInt64),
            RowCount = Value(13, row.GetInt64),
            Truncated = Value(14, row.GetBoolean),
        };
        return new JobNews(row.GetGuid(0), state, progress, row.GetInt64(15))
        {
            FanOut = row.IsDBNull(16) ? null : FanOut.Read(row.GetString(16)),
        };

        T? Value<T>(int column, Func<int, T> read)
            where T : struct => row.IsDBNull(column) ? null : read(column);
    }
}
