using Heimdall.Core.Database;
using Heimdall.Core.Results.Chunks;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Results;

/// <summary>
/// Removes rows whose time is over and what processes that died have left. The table is always the first to forget: a file without a row
/// is found later, a row without its file would be a result that cannot be read.
/// </summary>
internal sealed partial class ResultSweep(StoreDatabase database, ResultPlaces places, ILogger<ResultSweep> logger)
{
    // The row stays, without its data: it tells a late reader that there was a result (410, not 404).
    internal const string ExpireSql = """
        with expired as (
            update job_result set dropped = true
            where job_id in (
                select job_id from job_result where expires_at < now() and not dropped order by expires_at limit 100 for update skip locked)
            returning job_id, attempt, directory),
        gone as (delete from job_result_chunk where job_id in (select job_id from expired))
        select job_id, attempt, directory from expired
        """;

    internal const string DropUnfinishedSql = $"""
        delete from job_result where not complete and job_id in (
            select job_id from {Unfinished} limit 100 for update of job_result skip locked)
        returning job_id, attempt, directory
        """;

    private const string Unfinished = """
        job_result join job on job.id = job_result.job_id
        where not complete and job.status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED')
        """;

    /// <summary>A condition: there is something for <see cref="DropAsync"/>.</summary>
    internal const string HasDue = $"""
        exists (select from job_result where expires_at < now() and not dropped) or exists (select from {Unfinished})
        """;

    private const string FindOrphansSql = """
        select found.job_id, found.attempt from unnest($1::uuid[], $2::int[]) as found (job_id, attempt)
        where not exists (
            select from job_result
            where job_result.job_id = found.job_id and job_result.attempt = found.attempt and directory is not null and not dropped)
        """;

    private const int FilesAtOnce = 1000;

    /// <summary>A hundred results may be a hundred gigabytes.</summary>
    private const int DropSeconds = 600;

    /// <summary>Drops results whose time is over, and those that their jobs will never complete.</summary>
    /// <returns>How many there were of the first.</returns>
    public async Task<long> DropAsync(CancellationToken cancellationToken)
    {
        // Some at a time: no long transaction, however much there is to drop.
        var expired = 0L;
        int some;
        do
        {
            some = await DropSomeAsync(ExpireSql, cancellationToken);
            expired += some;
        }
        while (some + await DropSomeAsync(DropUnfinishedSql, cancellationToken) > 0);
        return expired;
    }

    /// <summary>
    /// Deletes files that no result names: of jobs that are gone, of attempts that lost their job. A row is written before its file is
    /// made, so a file that is seen first and has no row then is nobody's.
    /// </summary>
    public async Task DeleteOrphansAsync(CancellationToken cancellationToken)
    {
        foreach (var files in places.Files?.List().Chunk(FilesAtOnce) ?? [])
        {
            await using var command = database.DataSource.CreateCommand(FindOrphansSql);
            command.Parameters.Add(new() { Value = files.Select(file => file.JobId).ToArray() });
            command.Parameters.Add(new() { Value = files.Select(file => file.Attempt).ToArray() });
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                var orphan = new ResultKey(row.GetGuid(0), row.GetInt32(1));
                places.Files!.Delete(orphan);
                LogOrphan(orphan.JobId, orphan.Attempt);
            }
        }
    }

    private async Task<int> DropSomeAsync(string sql, CancellationToken cancellationToken)
    {
        var dropped = new List<(ResultKey Result, string? Directory)>();
        await using (var command = database.DataSource.CreateCommand(sql))
        {
            command.CommandTimeout = DropSeconds;
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                dropped.Add((new ResultKey(row.GetGuid(0), row.GetInt32(1)), row.IsDBNull(2) ? null : row.GetString(2)));
            }
        }
        foreach (var (result, directory) in dropped)
        {
            if (directory is not null)
            {
                places.DeleteFile(result, directory);
            }
        }
        return dropped.Count;
    }

    [LoggerMessage(LogLevel.Information, "The file of attempt {Attempt} of job {JobId} belonged to no result and is deleted")]
    private partial void LogOrphan(Guid jobId, int attempt);
}
