using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Who runs a job, and until when its lease lasts: start, take-over, renewal, hand-back. Each call
/// is one conditional statement that names the attempt. What a running attempt writes goes through
/// <see cref="AttemptWriter"/>.
/// </summary>
public sealed class JobClaims(StoreDatabase database, JobMetrics metrics)
{
    // Locks in the order of ids, as AttemptWriteBatch does: two that lock many rows, each in its own order, wait for
    // each other.
    private const string RenewSql = """
        with mine as materialized (
            select job.id from job join unnest($1::uuid[], $2::int[]) as asked (id, attempt) on job.id = asked.id and job.attempt = asked.attempt
            where job.status in ('RUNNING', 'CANCELING') order by job.id for no key update of job)
        update job set lease_until = now() + $3 from mine where job.id = mine.id
        returning job.id, job.status
        """;

    /// <summary>Channel on which it is announced that a process with inline queries has died.</summary>
    internal const string DeadInlineChannel = "heimdall_dead_inline";

    private const string AnnounceDeadInlineSql = $"select pg_notify('{DeadInlineChannel}', '')";

    // One whose cluster no living process has is found too, later: somebody has to record its end.
    internal static readonly string FindDeadInlineSql = $"""
        select id from job
        where {IsDeadInline("$1")}
            and (cluster_id = any($2) or greatest(lease_until, pg_postmaster_start_time()) < now() - $3)
        order by lease_until limit 100
        """;

    /// <summary>A condition: the process of some inline query has died. $1 is the lease.</summary>
    internal static string HasDeadInline { get; } = $"exists (select from job where {IsDeadInline("$1")})";

    /// <summary>Reads a job without waiting behind callers' lists.</summary>
    public async Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.Lifeline.OpenConnectionAsync(cancellationToken);
        return await JobStore.FindAsync(connection, id, cancellationToken);
    }

    /// <summary>Ends jobs that wait and whose time to be started is over, some at a time.</summary>
    public Task<IReadOnlyList<Job>> ExpireAsync(CancellationToken cancellationToken) =>
        ExpireAsync(JobTransitions.Expire, cancellationToken);

    /// <summary>Ends jobs that nobody has approved in time, some at a time.</summary>
    public Task<IReadOnlyList<Job>> ExpireApprovalsAsync(CancellationToken cancellationToken) =>
        ExpireAsync(JobTransitions.ExpireApprovals, cancellationToken);

    private async Task<IReadOnlyList<Job>> ExpireAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Command(sql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var expired = new List<Job>();
        while (await row.ReadAsync(cancellationToken))
        {
            expired.Add(JobRow.Read(row));
            metrics.Ended(expired[^1], ran: null);
        }
        return expired;
    }

    /// <summary>Takes over a job whose runner has not renewed its lease.</summary>
    /// <param name="id">The job.</param>
    /// <param name="deadAttempt">The attempt that is taken for dead.</param>
    /// <param name="worker">The new runner.</param>
    /// <param name="lease">How long the new runner is believed.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>The job with the next attempt's number, or null when the runner is alive or the job has ended.</returns>
    public Task<Job?> TakeOverAsync(Guid id, int deadAttempt, string worker, TimeSpan lease, CancellationToken cancellationToken) =>
        ReadJobAsync(JobTransitions.TakeOverInline, cancellationToken, id, deadAttempt, worker, lease);

    /// <summary>Gives the attempts of this process more time.</summary>
    /// <returns>The jobs that are still this process's, with their status; the others belong to somebody else by now.</returns>
    public async Task<IReadOnlyDictionary<Guid, JobStatus>> RenewAsync(
        IReadOnlyList<(Guid Id, int Attempt)> attempts, TimeSpan lease, CancellationToken cancellationToken)
    {
        await using var command = Command(
            RenewSql, attempts.Select(attempt => attempt.Id).ToArray(), attempts.Select(attempt => attempt.Attempt).ToArray(), lease);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var mine = new Dictionary<Guid, JobStatus>();
        while (await row.ReadAsync(cancellationToken))
        {
            mine[row.GetGuid(0)] = JobStatusNames.Parse(row.GetString(1));
        }
        return mine;
    }

    /// <summary>
    /// Puts a job back among those that wait, when a process must stop and nothing of the attempt took effect. One that is
    /// being cancelled stays so, and can be taken over at once.
    /// </summary>
    /// <param name="id">The job.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="detail">Why, for its record.</param>
    /// <param name="undecidedFor">
    /// Given where an earlier attempt may have taken effect: then the job does not wait, or a cancel would end it as if nothing had happened, but
    /// can be taken over after this time.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>False when the job is somebody else's.</returns>
    public async Task<bool> HandBackAsync(Guid id, int attempt, string detail, TimeSpan? undecidedFor, CancellationToken cancellationToken) =>
        await ExecuteAsync(
            JobTransitions.HandBack,
            cancellationToken,
            id,
            attempt,
            detail,
            new JobParameters.OrNull<TimeSpan?>(undecidedFor)) == 1;

    /// <summary>Puts a job back among those that wait, because its attempt has failed and is worth another. One that is being cancelled is not.</summary>
    /// <param name="id">The job.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="failure">How it failed.</param>
    /// <param name="delay">How long the job waits.</param>
    /// <param name="detail">What becomes of the job, for the attempt's record.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>False when the job is not the attempt's, or not to be run any more.</returns>
    public async Task<bool> RetryAsync(Guid id, int attempt, JobFailure failure, TimeSpan delay, string detail, CancellationToken cancellationToken) =>
        await ExecuteAsync(
            JobTransitions.TryAgain,
            cancellationToken,
            id,
            attempt,
            delay,
            failure.Message,
            new JobParameters.OrNull<string>(failure.SqlState),
            detail) == 1;

    /// <summary>Inline runs whose API process has died: no queue brings them back, so somebody must look.</summary>
    /// <param name="lease">How long a lease lasts.</param>
    /// <param name="clusters">Those that this process can ask what became of a query.</param>
    /// <param name="others">So long after its lease one on another cluster is found too.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task<IReadOnlyList<Guid>> FindDeadInlineAsync(
        TimeSpan lease, string[] clusters, TimeSpan others, CancellationToken cancellationToken)
    {
        await using var command = Command(FindDeadInlineSql, lease, clusters, others);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var ids = new List<Guid>();
        while (await row.ReadAsync(cancellationToken))
        {
            ids.Add(row.GetGuid(0));
        }
        return ids;
    }

    /// <summary>Has every process look for inline runs whose process has died, on the clusters that it has.</summary>
    public async Task AnnounceDeadInlineAsync(CancellationToken cancellationToken) =>
        await ExecuteAsync(AnnounceDeadInlineSql, cancellationToken);

    private static string IsDeadInline(string lease) =>
        $"status in ('RUNNING', 'CANCELING') and is_sync and {JobTransitions.LeaseIsOver(lease)}";

    private async Task<Job?> ReadJobAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? JobRow.Read(row) : null;
    }

    private async Task<int> ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private NpgsqlCommand Command(string sql, params object[] values)
    {
        var command = database.Lifeline.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(JobParameters.Of(value));
        }
        return command;
    }
}
