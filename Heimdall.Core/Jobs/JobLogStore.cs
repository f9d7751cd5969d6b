using System.Runtime.CompilerServices;
using Heimdall.Core.Database;

namespace Heimdall.Core.Jobs;

/// <summary>The two streams of a job's run log.</summary>
public enum JobLogStream
{
    /// <summary>What was done, one line a statement.</summary>
    Stdout,

    /// <summary>Notices and errors.</summary>
    Stderr,
}

/// <summary>The <c>job_log</c> table.</summary>
public sealed class JobLogStore(StoreDatabase database)
{
    /// <summary>How much of each stream is kept of a job, in bytes; the last line then says that the rest was left out.</summary>
    public const int MaxBytes = 1024 * 1024;

    private const string InsertSql = "insert into job_log (job_id, stream, lines) values ($1, $2, $3)";

    private const string SelectSql = "select lines from job_log where job_id = $1 and stream = $2 order by id";

    private const string SelectAfterSql = "select id, stream, lines from job_log where job_id = $1 and id > $2 order by id limit $3";

    public async Task AppendAsync(Guid jobId, JobLogStream stream, string lines, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(InsertSql);
        command.Parameters.Add(new() { Value = jobId });
        command.Parameters.Add(new() { Value = ToName(stream) });
        command.Parameters.Add(new() { Value = lines });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async IAsyncEnumerable<string> ReadAsync(
        Guid jobId, JobLogStream stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectSql);
        command.Parameters.Add(new() { Value = jobId });
        command.Parameters.Add(new() { Value = ToName(stream) });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            yield return row.GetString(0);
        }
    }

    /// <summary>Both streams as they were written, some pieces at a time: those behind a piece, 0 for the first ones.</summary>
    public async Task<IReadOnlyList<JobLogPiece>> ReadAfterAsync(Guid jobId, long after, int limit, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectAfterSql);
        command.Parameters.Add(new() { Value = jobId });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = limit });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var pieces = new List<JobLogPiece>();
        while (await row.ReadAsync(cancellationToken))
        {
            var stream = row.GetString(1) == "stdout" ? JobLogStream.Stdout : JobLogStream.Stderr;
            pieces.Add(new JobLogPiece(row.GetInt64(0), stream, row.GetString(2)));
        }
        return pieces;
    }

    private static string ToName(JobLogStream stream) => stream == JobLogStream.Stdout ? "stdout" : "stderr";
}

/// <summary>As much of a log as its runner had at hand when it wrote: whole lines, with their ends.</summary>
public sealed record JobLogPiece(long Id, JobLogStream Stream, string Lines);
