using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>The records of attempts, for who looks back at them; <see cref="JobTransitions"/> writes them.</summary>
public sealed class JobAttempts(StoreDatabase database)
{
    // An inline query has one attempt, and no row for it unless its process died: then the number after it is of who found out, and ran nothing.
    private const string ListSql = $"""
        select 1, coalesce(lost.worker, job.worker, ''), coalesce(job.started_at, job.created_at), coalesce(lost.finished_at, job.finished_at),
            coalesce(lost.outcome, case when job.finished_at is not null then job.status end),
            job.error, job.errors -> 0 ->> 'sql_state', lost.detail, null
        from job left join job_attempt lost on lost.job_id = job.id and lost.attempt = 1
        where job.id = $1 and job.is_sync and job.fan_out is null
        union all
        select {Columns} from job_attempt
        where job_id = $1 and not (select is_sync from job where id = $1)
        order by 1
        """;

    // An attempt that handed the job back has provably done nothing, or nothing that does harm when it is done once more.
    private const string ListEarlierSql = $"""
        select {Columns} from job_attempt where job_id = $1 and attempt < $2 and outcome is distinct from '{JobAttempt.HandedBack}' order by attempt desc
        """;

    private const string Columns = "attempt, worker, started_at, finished_at, outcome, error, sqlstate, detail, evidence";

    private const string CountFailedSql = "select count(*) from job_attempt where job_id = $1 and attempt < $2 and outcome = 'FAILED'";

    private const string AddDetailSql = """
        update job_attempt set detail = concat_ws(' ', detail, $3) where job_id = $1 and attempt = $2 and right(detail, length($3)) is distinct from $3
        """;

    /// <summary>All attempts of a job, in their order.</summary>
    public Task<IReadOnlyList<JobAttempt>> ListAsync(Guid jobId, CancellationToken cancellationToken) => ReadAsync(ListSql, cancellationToken, jobId);

    /// <summary>Earlier attempts that may have had an effect or may still run, the newest first.</summary>
    public Task<IReadOnlyList<JobAttempt>> ListEarlierAsync(Guid jobId, int before, CancellationToken cancellationToken) =>
        ReadAsync(ListEarlierSql, cancellationToken, jobId, before);

    /// <summary>How many earlier attempts failed by themselves: those whose worker died or stopped are not counted.</summary>
    public async Task<int> CountFailedAsync(Guid jobId, int before, CancellationToken cancellationToken)
    {
        await using var command = Command(CountFailedSql, jobId, before);
        return (int)(long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Writes down what was found out about an attempt after its end, once.</summary>
    public async Task AddDetailAsync(Guid jobId, int attempt, string detail, CancellationToken cancellationToken)
    {
        await using var command = Command(AddDetailSql, jobId, attempt, detail);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<JobAttempt>> ReadAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var attempts = new List<JobAttempt>();
        while (await row.ReadAsync(cancellationToken))
        {
            attempts.Add(new JobAttempt
            {
                Number = row.GetInt32(0),
                Worker = row.GetString(1),
                StartedAt = row.GetDateTime(2),
                FinishedAt = row.IsDBNull(3) ? null : row.GetDateTime(3),
                Outcome = Text(row, 4),
                Error = Text(row, 5),
                SqlState = Text(row, 6),
                Detail = Text(row, 7),
                Evidence = Text(row, 8),
            });
        }
        return attempts;
    }

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        var command = database.DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
        return command;
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
