using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The <c>job</c> table: jobs are submitted, found, listed and cancelled. <see cref="JobTransitions"/> has every change
/// of a status.
/// </summary>
public sealed class JobStore(StoreDatabase database)
{
    private const string SelectSql = $"select {JobRow.Columns} from job where id = $1";

    private const string SelectNameSql = "select name from job where id = $1";

    private const string SelectPlaceSql = "select \"user\", command_id, cluster_id from job where id = $1";

    private const string SelectEndedSql = """
        select command_id, cluster_id, "user", schedule is not null, status from job
        where id = any($1) and finished_at is not null
        """;

    private const string ReplaceQueueIdSql = "update job set queue_id = $3 where id = $1 and queue_id = $2";

    private const string CountQueuedSql = """
        select count(*) from (
            select from job where "user" = $1 and status = 'ACCEPTED'
            union all select from job where "user" = $1 and status = 'WAITING_FOR_APPROVAL' limit $2) queued
        """;

    public async Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        return await FindAsync(connection, id, cancellationToken);
    }

    internal static async Task<Job?> FindAsync(
        NpgsqlConnection connection, Guid id, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(SelectSql, connection) { Parameters = { new() { Value = id } } };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? JobRow.Read(row) : null;
    }

    /// <summary>What a job is called, without the rest of it.</summary>
    public async Task<string?> FindNameAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectNameSql);
        command.Parameters.Add(new() { Value = id });
        return (string?)await command.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>Whose a job is and where it runs; null when there is none.</summary>
    public async Task<JobPlace?> FindPlaceAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectPlaceSql);
        command.Parameters.Add(new() { Value = id });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new JobPlace(row.GetString(0), row.GetString(1), row.GetString(2))
            : null;
    }

    /// <summary>What is counted of jobs that have ended without having run.</summary>
    internal async Task<IReadOnlyList<EndedJob>> FindEndedAsync(
        IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SelectEndedSql);
        command.Parameters.Add(new() { Value = ids.ToArray() });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var ended = new List<EndedJob>();
        while (await row.ReadAsync(cancellationToken))
        {
            ended.Add(new EndedJob(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetString(4)));
        }
        return ended;
    }

    public async Task<JobPage> ListAsync(JobFilter filter, CancellationToken cancellationToken)
    {
        await using var command = JobListQuery.Build(filter);
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var jobs = new List<Job>();
        var found = 0L;
        while (await row.ReadAsync(cancellationToken))
        {
            jobs.Add(JobRow.Read(row));
            found = row.GetInt64(row.FieldCount - 1);
        }
        return JobListQuery.ToPage(filter, jobs, found);
    }

    /// <summary>Those of some jobs that a list with a filter would hold, whatever its page.</summary>
    public async Task<IReadOnlyList<Job>> FindMatchingAsync(
        Guid[] ids, JobFilter filter, CancellationToken cancellationToken)
    {
        if (ids.Length == 0)
        {
            return [];
        }
        await using var command = JobListQuery.BuildMatching(ids, filter);
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var jobs = new List<Job>();
        while (await row.ReadAsync(cancellationToken))
        {
            jobs.Add(JobRow.Read(row));
        }
        return jobs;
    }

    /// <returns>False when the job has another entry by now.</returns>
    internal static async Task<bool> TryReplaceQueueIdAsync(
        NpgsqlConnection connection, Guid id, string lostQueueId, string queueId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(ReplaceQueueIdSql, connection)
        {
            Parameters = { new() { Value = id }, new() { Value = lostQueueId }, new() { Value = queueId } },
        };
        return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    /// <summary>How many jobs of a user wait in the queue; counting stops at <paramref name="enough"/>.</summary>
    public async Task<long> CountQueuedAsync(string user, int enough, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(CountQueuedSql);
        command.Parameters.Add(new() { Value = user });
        command.Parameters.Add(new() { Value = enough });
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>
    /// Asks a job to stop. One that waits is CANCELED at once; one that runs becomes CANCELING and its runner is told.
    /// Of a parent, so do its children.
    /// </summary>
    /// <param name="id">The job.</param>
    /// <param name="canceledBy">Who asks.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <param name="queueId">Given where the job is to be stopped only if this is its entry in the queue.</param>
    /// <returns>The status it had, or null when there was nothing to stop.</returns>
    public async Task<JobStatus?> CancelAsync(Guid id, string canceledBy, CancellationToken cancellationToken, string? queueId = null)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        var stopped = await CancelAsync(connection, id, canceledBy, cancellationToken, queueId);
        return stopped.TryGetValue(id, out var was) ? was : null;
    }

    /// <summary>
    /// Approves a job that waits for it, with its children, or refuses it. Nothing happens where it is too late.
    /// </summary>
    /// <param name="connection">Of the change.</param>
    /// <param name="id">The job.</param>
    /// <param name="decidedBy">Who does.</param>
    /// <param name="refusal">Why it is refused; null: it is approved.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>The jobs that do not wait for it any more.</returns>
    internal static async Task<IReadOnlyList<Guid>> DecideAsync(
        NpgsqlConnection connection, Guid id, string decidedBy, string? refusal, CancellationToken cancellationToken)
    {
        // The lock is held to the end of the transaction: a keeper deletes no record that is looked at here.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new(JobPredecessors.LockSql),
                refusal is null
                    ? JobParameters.ToStatement(JobTransitions.Approve, id, decidedBy)
                    : JobParameters.ToStatement(JobTransitions.Refuse, id, decidedBy, refusal),
            },
        };
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        await row.NextResultAsync(cancellationToken);
        var decided = new List<Guid>();
        while (await row.ReadAsync(cancellationToken))
        {
            decided.Add(row.GetGuid(0));
        }
        return decided;
    }

    /// <summary>The same, in a transaction of others.</summary>
    /// <returns>The jobs that were stopped, with the status that each had.</returns>
    internal static async Task<IReadOnlyDictionary<Guid, JobStatus>> CancelAsync(
        NpgsqlConnection connection, Guid id, string canceledBy, CancellationToken cancellationToken,
        string? queueId = null)
    {
        await using var command = new NpgsqlCommand(JobTransitions.Cancel, connection);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = canceledBy });
        command.Parameters.Add(JobParameters.Of(new JobParameters.OrNull<string>(queueId)));
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var stopped = new Dictionary<Guid, JobStatus>();
        while (await row.ReadAsync(cancellationToken))
        {
            stopped[row.GetGuid(0)] = JobStatusNames.Parse(row.GetString(1));
        }
        return stopped;
    }
}

/// <summary>What is counted of a job that has ended without having run.</summary>
/// <param name="CommandId">Its command.</param>
/// <param name="ClusterId">Its cluster.</param>
/// <param name="User">Whose it was.</param>
/// <param name="IsOfSchedule">Whether a schedule made it.</param>
/// <param name="Status">How it ended.</param>
internal sealed record EndedJob(string CommandId, string ClusterId, string User, bool IsOfSchedule, string Status);
