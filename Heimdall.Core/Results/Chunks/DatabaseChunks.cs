using System.Data;
using System.Runtime.CompilerServices;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Results.Chunks;

/// <summary>The <c>job_result_chunk</c> table: results in Heimdall's own database, where every process finds them.</summary>
internal sealed class DatabaseChunks(StoreDatabase database) : IResultChunks
{
    private const string AddSql = """
        insert into job_result_chunk (job_id, attempt, first_row, row_count, data)
        select job_id, attempt, $3, $4, $5 from job_result where job_id = $1 and attempt = $2
        on conflict (job_id, attempt, first_row) do update set data = excluded.data -- stored before, when the answer was lost
        """;

    private const string FindSql = """
        select first_row, row_count, octet_length(data), data from job_result_chunk
        where job_id = $1 and attempt = $2 and first_row <= $3 order by first_row desc limit 1
        """;

    public IChunkWriter Write(ResultKey result) => new Writer(database, result);

    /// <summary>A query a chunk: a reader who takes his time holds neither a connection nor a snapshot of the database.</summary>
    public async IAsyncEnumerable<StoredChunk> ReadAsync(
        ResultKey result, long fromRow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await FindAsync(result, fromRow, cancellationToken) is { } chunk)
        {
            fromRow = chunk.FirstRow + chunk.Rows;
            yield return chunk;
        }
    }

    /// <summary>The chunk that holds a row; null when there is none.</summary>
    private async Task<StoredChunk?> FindAsync(ResultKey result, long rowNumber, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = database.DataSource.CreateCommand(FindSql);
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = result.JobId });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = result.Attempt });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = rowNumber });
            await using var row = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
            if (!await row.ReadAsync(cancellationToken))
            {
                return null;
            }
            var (firstRow, rows) = (row.GetInt64(0), row.GetInt32(1));
            return rowNumber < firstRow + rows ? await ReadAsync(row, firstRow, rows, cancellationToken) : null;
        }
        catch (NpgsqlException exception)
        {
            throw new ResultStorageException(exception.Message, isLost: false, exception);
        }
    }

    private static async Task<StoredChunk> ReadAsync(NpgsqlDataReader row, long firstRow, int rows, CancellationToken cancellationToken)
    {
        var chunk = new StoredChunk(firstRow, rows, row.GetInt32(2));
        try
        {
            await using var data = await row.GetStreamAsync(3, cancellationToken);
            await data.ReadExactlyAsync(chunk.Data, cancellationToken);
            return chunk;
        }
        catch
        {
            chunk.Dispose();
            throw;
        }
    }

    private sealed class Writer(StoreDatabase database, ResultKey result) : IChunkWriter
    {
        /// <summary>A query goes on when the store was away for a moment: its rows wait here, and it with them.</summary>
        public async Task AddAsync(long firstRow, int rows, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
        {
            if (await database.Retry.RunAsync(token => InsertAsync(firstRow, rows, data, token), cancellationToken) != 1)
            {
                throw new AttemptLostException(result.JobId, result.Attempt);
            }
        }

        public Task FinishAsync(CancellationToken cancellationToken) => Task.CompletedTask; // each insert was a transaction

        public ValueTask DisposeAsync() => ValueTask.CompletedTask; // chunks go with their row in job_result

        private async Task<int> InsertAsync(long firstRow, int rows, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
        {
            await using var command = database.DataSource.CreateCommand(AddSql);
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = result.JobId });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = result.Attempt });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = firstRow });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = rows });
            command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = data });
            return await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
