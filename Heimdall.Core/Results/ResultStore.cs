using System.Text;
using System.Text.Json;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Results;

/// <summary>
/// The <c>job_result</c> table: what is known of each result, and where its rows are. A result can be read once it is
/// complete, which is written with its job's end.
/// </summary>
public sealed class ResultStore
{
    private const string StartSql = """
        with mine as (select id from job where id = $1 and attempt = $2),
             earlier as (delete from job_result_chunk where job_id = (select id from mine))
        insert into job_result (job_id, attempt, columns, directory) select id, $2, $3, $4 from mine
        on conflict (job_id) do update set attempt = $2, columns = $3, directory = $4,
            row_count = null, truncated = false, complete = false, dropped = false, expires_at = null
        """;

    private const string DropSql = "delete from job_result where job_id = $1 and attempt = $2 and not complete";

    private const string FindSql = """
        select columns::text, row_count, truncated, expires_at, dropped, attempt, directory from job_result where job_id = $1 and complete
        """;

    private const string FindChildrenSql = """
        select columns::text, result.row_count, result.truncated, expires_at, dropped, result.attempt, directory,
            job.id, cluster_id
        from job left join job_result result on result.job_id = job.id and complete
        where parent_id = $1 and status = 'SUCCEEDED' order by job.id
        """;

    private const string FindBatchesSql = """
        select id, cluster_id, attempt, finished_at, statements from job
        where parent_id = $1 and status = 'SUCCEEDED' order by id
        """;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly StoreDatabase _database;
    private readonly ResultPlaces _places;

    internal StoreRetry Retry => _database.Retry;

    internal ResultStore(StoreDatabase database, ResultPlaces places)
    {
        _database = database;
        _places = places;
    }

    /// <summary>
    /// The result of a job that has succeeded; that of a batch is made of the job, and is not stored. That of a parent
    /// has the rows of its children that have succeeded.
    /// </summary>
    public async Task<StoredResult?> FindAsync(Job job, ResultsConfig config, CancellationToken cancellationToken) =>
        job.FanOut is not null ? await FindOfChildrenAsync(job, config, cancellationToken)
        : job is { IsSync: false, ReturnResult: false }
        ? config.Enabled ? StoredResult.OfBatch(job, config.Retention) : null
        : await FindAsync(job.Id, cancellationToken);

    internal async Task<StoredResult?> FindAsync(Guid jobId, CancellationToken cancellationToken)
    {
        await using var command = Command(FindSql, jobId);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? Read(row, jobId) : null;
    }

    private static StoredResult Read(NpgsqlDataReader row, Guid jobId) => new()
    {
        Columns = JsonSerializer.Deserialize<ResultColumn[]>(row.GetString(0), Json)!,
        RowCount = row.GetInt64(1),
        Truncated = row.GetBoolean(2),
        ExpiresAt = row.GetDateTime(3),
        IsDropped = row.GetBoolean(4),
        Key = new ResultKey(jobId, row.GetInt32(5)),
        Directory = row.IsDBNull(6) ? null : row.GetString(6),
    };

    private async Task<StoredResult?> FindOfChildrenAsync(
        Job parent, ResultsConfig config, CancellationToken cancellationToken)
    {
        if (!config.Enabled)
        {
            return null;
        }
        await using var command = Command(parent.ReturnResult ? FindChildrenSql : FindBatchesSql, parent.Id);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var parts = new List<(string, StoredResult)>();
        string? without = null;
        while (await row.ReadAsync(cancellationToken))
        {
            if (parent.ReturnResult && row.IsDBNull(0))
            {
                without ??= row.GetString(8); // its worker stores none
                continue;
            }
            parts.Add(parent.ReturnResult
                ? (row.GetString(8), Read(row, row.GetGuid(7)))
                : (row.GetString(1), StoredResult.OfBatch(
                    new ResultKey(row.GetGuid(0), row.GetInt32(2)), row.GetDateTime(3) + config.Retention,
                    row.IsDBNull(4) ? 0 : row.GetInt64(4))));
        }
        return parts.Count == 0 ? null : StoredResult.OfChildren(parent.Id, parts) with { MissingOn = without };
    }

    /// <summary>Reads a page of a result, a chunk at a time, into a writer that has been started.</summary>
    /// <exception cref="ResultStorageException">Not all of the rows can be read; those before may have been written.</exception>
    public Task ReplayAsync(
        StoredResult result, ResultPage page, IResultWriter writer, CancellationToken cancellationToken) =>
        result.Parts.Count > 0 ? ReplayChildrenAsync(result, page, writer, cancellationToken)
        : result.Message is { } message
        ? page.RowsOf(result.RowCount) > 0 ? WriteAsync(message, writer, cancellationToken) : Task.CompletedTask
        : ResultReplay.RunAsync(_places.Find(result.Key, result.Directory), result, page, writer, cancellationToken);

    private async Task ReplayChildrenAsync(
        StoredResult result, ResultPage page, IResultWriter writer, CancellationToken cancellationToken)
    {
        var end = page.EndOf(result.RowCount);
        var before = 0L;
        foreach (var (clusterId, part) in result.Parts)
        {
            var from = Math.Max(0, page.Offset - before);
            var to = Math.Min(part.RowCount, end - before);
            if (from < to)
            {
                await ReplayAsync(
                    part, new ResultPage(from, to - from), new ClusterColumnWriter(writer, clusterId),
                    cancellationToken);
            }
            before += part.RowCount;
        }
    }

    /// <summary>Begins the result of an attempt; what an earlier attempt left is dropped.</summary>
    internal async Task<IChunkWriter> StartAsync(
        ResultKey result, IReadOnlyList<ResultColumn> columns, string? directory, CancellationToken cancellationToken)
    {
        await using var command = Command(StartSql, result.JobId, result.Attempt);
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Json, Value = JsonSerializer.Serialize(columns, Json) });
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Text, Value = directory is null ? DBNull.Value : directory });
        if (await command.ExecuteNonQueryAsync(cancellationToken) != 1)
        {
            throw new AttemptLostException(result.JobId, result.Attempt);
        }
        return _places.Find(result, directory).Write(result);
    }

    /// <summary>Forgets what an attempt has stored of a result that will never be complete.</summary>
    internal async Task DropAsync(ResultKey result, CancellationToken cancellationToken)
    {
        await using var command = Command(DropSql, result.JobId, result.Attempt);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task WriteAsync(string message, IResultWriter writer, CancellationToken cancellationToken)
    {
        writer.StartRow();
        writer.WriteValue(Encoding.UTF8.GetBytes(message));
        writer.EndRow();
        await writer.FlushAsync(cancellationToken);
    }

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        var command = _database.DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        return command;
    }
}
