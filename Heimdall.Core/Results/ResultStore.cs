using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Results;

/// <summary>The <c>job_result</c> and <c>job_result_chunk</c> tables. A result can be read once it is complete.</summary>
public sealed class ResultStore(StoreDatabase database)
{
    private const string StartSql = """
        with mine as (select id from job where id = $1 and attempt = $2),
             earlier as (delete from job_result_chunk where job_id = (select id from mine))
        insert into job_result (job_id, attempt, columns) select id, $2, $3 from mine
        on conflict (job_id) do update set attempt = $2, columns = $3, row_count = null, truncated = false, complete = false, expires_at = null
        """;

    private const string AddChunkSql = """
        insert into job_result_chunk (job_id, seq, data)
        select job_id, $3, $4 from job_result where job_id = $1 and attempt = $2
        on conflict (job_id, seq) do update set data = excluded.data -- stored before, when the answer was lost
        """;

    private const string CompleteSql = """
        update job_result set row_count = $3, truncated = $4, complete = true, expires_at = now() + $5 where job_id = $1 and attempt = $2
        """;

    private const string FindSql = "select columns::text, row_count, truncated, expires_at from job_result where job_id = $1 and complete";

    private const string ChunksSql = "select data from job_result_chunk where job_id = $1 order by seq";

    // The row stays, without its data: it tells a late reader that there was a result (410, not 404).
    private const string ExpireSql = """
        with expired as (
            update job_result set dropped = true
            where job_id in (select job_id from job_result where expires_at < now() and not dropped order by expires_at limit 100)
            returning job_id),
        gone as (delete from job_result_chunk where job_id in (select job_id from expired))
        select count(*) from expired
        """;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public async Task<StoredResult?> FindAsync(Guid jobId, CancellationToken cancellationToken)
    {
        await using var command = Command(FindSql, jobId);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new StoredResult(
                JsonSerializer.Deserialize<ResultColumn[]>(row.GetString(0), Json)!, row.GetInt64(1), row.GetBoolean(2), row.GetDateTime(3))
            : null;
    }

    /// <summary>Reads the rows of a result, a chunk at a time, into a writer that has been started.</summary>
    public async Task ReplayAsync(Guid jobId, StoredResult result, IResultWriter writer, CancellationToken cancellationToken)
    {
        await using var command = Command(ChunksSql, jobId);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            await ResultChunk.ReplayAsync(row.GetFieldValue<byte[]>(0), result.Columns.Count, writer, cancellationToken);
        }
    }

    /// <summary>Drops the data of some results whose time is over.</summary>
    /// <returns>Of how many; 0 when there was nothing (more) to do.</returns>
    public async Task<long> ExpireAsync(CancellationToken cancellationToken)
    {
        await using var command = Command(ExpireSql);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Begins the result of an attempt; what an earlier attempt left is dropped.</summary>
    internal async Task StartAsync(Guid jobId, int attempt, IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        await using var command = Command(StartSql, jobId, attempt);
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Json, Value = JsonSerializer.Serialize(columns, Json) });
        await RunOnceAsync(command, jobId, attempt, cancellationToken);
    }

    internal async Task AddChunkAsync(Guid jobId, int attempt, int seq, byte[] data, CancellationToken cancellationToken)
    {
        await using var command = Command(AddChunkSql, jobId, attempt, seq, data);
        await RunOnceAsync(command, jobId, attempt, cancellationToken);
    }

    /// <summary>Lets the result be read, now that the job has succeeded.</summary>
    internal async Task CompleteAsync(
        Guid jobId, int attempt, long rowCount, bool truncated, TimeSpan retention, CancellationToken cancellationToken)
    {
        await using var command = Command(CompleteSql, jobId, attempt, rowCount, truncated, retention);
        await RunOnceAsync(command, jobId, attempt, cancellationToken);
    }

    private static async Task RunOnceAsync(NpgsqlCommand command, Guid jobId, int attempt, CancellationToken cancellationToken)
    {
        if (await command.ExecuteNonQueryAsync(cancellationToken) != 1)
        {
            throw new AttemptLostException(jobId, attempt);
        }
    }

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        var command = database.DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        return command;
    }
}
