using System.Runtime.CompilerServices;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The <c>job_log</c> table, for its readers; <see cref="AttemptWriter"/> writes it. Attempts come one after the other:
/// a lost one writes nothing.
/// </summary>
public sealed class JobLogStore(StoreDatabase database)
{
    /// <summary>Both streams, as they were written.</summary>
    public static readonly IReadOnlyList<JobLogStream> Both = [JobLogStream.Stdout, JobLogStream.Stderr];

    /// <summary>How much of each stream is kept of an attempt, in bytes; one line more then says that the rest was left out.</summary>
    public const int MaxBytes = 1024 * 1024;

    private const string SelectSql =
        "select lines from job_log where job_id = $1 and stream = $2 order by attempt nulls first, id";

    private const string SelectAfterSql =
        "select id, stream, lines from job_log where job_id = $1 and stream = any($2) and id > $3 order by id limit $4";

    // Of each stream the newest pieces behind one, and of those together as many as it takes to fill some bytes.
    private const string SelectTailSql = """
        select id, stream, lines, found from (
            select id, stream, lines, count(*) over () as found, sum(bytes) over (order by id desc) - bytes as bytes_behind
            from (select *, octet_length(convert_to(lines, 'UTF8')) as bytes from (
                (select id, stream, lines from job_log where job_id = $1 and stream = 'stdout' and id > $2 order by id desc limit $4)
                union all
                (select id, stream, lines from job_log where job_id = $1 and stream = 'stderr' and id > $2 order by id desc limit $4)
                order by id desc limit $4) newest) measured) tail
        where bytes_behind < $3 order by id
        """;

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

    /// <summary>The next pieces behind one, some at a time; from the beginning behind 0.</summary>
    public async Task<IReadOnlyList<JobLogPiece>> ReadAfterAsync(
        Guid jobId, IReadOnlyList<JobLogStream> streams, long number, int limit, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectAfterSql);
        command.Parameters.Add(new() { Value = jobId });
        command.Parameters.Add(new() { Value = streams.Select(ToName).ToArray() });
        command.Parameters.Add(new() { Value = number });
        command.Parameters.Add(new() { Value = limit });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var pieces = new List<JobLogPiece>();
        while (await row.ReadAsync(cancellationToken))
        {
            pieces.Add(ReadPiece(row));
        }
        return pieces;
    }

    /// <summary>The end of what has been written behind a piece; of all that has been written behind 0.</summary>
    /// <param name="jobId">The job.</param>
    /// <param name="number">The piece.</param>
    /// <param name="bytes">How much of it, in bytes of UTF-8 over both streams. It begins with a whole line, unless the last one alone is longer.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<JobLogTail> ReadTailAsync(Guid jobId, long number, int bytes, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectTailSql);
        command.Parameters.Add(new() { Value = jobId });
        command.Parameters.Add(new() { Value = number });
        command.Parameters.Add(new() { Value = bytes });
        command.Parameters.Add(new() { Value = JobLogTail.MostPieces + 1 });
        var found = 0L;
        var pieces = new List<JobLogPiece>();
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            pieces.Add(ReadPiece(row));
            found = row.GetInt64(3);
        }
        return JobLogTail.Of(pieces, bytes, isCut: pieces.Count < found);
    }

    private static JobLogPiece ReadPiece(NpgsqlDataReader row) =>
        new(row.GetInt64(0), row.GetString(1) == ToName(JobLogStream.Stdout) ? JobLogStream.Stdout : JobLogStream.Stderr, row.GetString(2));

    internal static string ToName(JobLogStream stream) => stream == JobLogStream.Stdout ? "stdout" : "stderr";
}
