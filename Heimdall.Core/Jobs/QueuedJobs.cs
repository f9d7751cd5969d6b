using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The statements that put jobs into the queue: their rows, Hangfire's entries of them, what is announced, and which
/// jobs come before them.
/// </summary>
internal static class QueuedJobs
{
    private const string AnnounceSql =
        $"select pg_notify('{JobLane.Channel}', payload) from unnest($1) as announced (payload)";

    /// <summary>Writes jobs on the connection, and in the transaction, that puts them into the queue.</summary>
    /// <returns>When they were created; null when their entries could not be made, and nothing is written.</returns>
    public static async Task<DateTime?> InsertAsync(
        NpgsqlConnection connection, IReadOnlyList<QueuedJob> jobs, INewEntries entries,
        CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { ToInsert([.. jobs], entries) } };
        var payloads = JobLane.ToPayloads(jobs
            .Where(queued => queued.Job.Status == JobStatus.Accepted).Select(queued => JobLane.Of(queued.Job)));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(AnnounceSql)
        {
            Parameters = { new NpgsqlParameter<string[]> { TypedValue = [.. payloads] } },
        });
        if (EndHookStatement.Of([.. jobs.Select(queued => queued.Job)]) is { } hooks)
        {
            batch.BatchCommands.Add(hooks);
        }
        DateTime created;
        await using (var row = await batch.ExecuteReaderAsync(cancellationToken))
        {
            await row.ReadAsync(cancellationToken);
            if (row.GetInt64(1) != jobs.Count)
            {
                return null;
            }
            created = row.GetDateTime(0);
            while (await row.NextResultAsync(cancellationToken))
            {
                // an error of what is announced is not passed over
            }
        }
        if (jobs.Any(queued => queued.Job.AllPredecessors.Any()))
        {
            await using var predecessors = new NpgsqlBatch(connection)
            {
                BatchCommands = { JobPredecessors.ToInsert([.. jobs.Select(queued => queued.Job)]) },
            };
            await predecessors.ExecuteNonQueryAsync(cancellationToken);
        }
        return created;
    }

    /// <summary>Writes parents, in the transaction of their children. They have no entries: nobody runs them.</summary>
    /// <returns>When they were created.</returns>
    public static async Task<DateTime> InsertParentsAsync(
        NpgsqlConnection connection, IReadOnlyList<Job> parents, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var job in parents)
        {
            batch.BatchCommands.Add(JobParameters.ToStatement(
                JobTransitions.SubmitParent,
                job.Id, job.Name, job.Version, job.Description, JobParameters.ToArray(job.Tags), job.User,
                job.ReturnResult, job.CommandId, job.CommandName, JobParameters.ToArray(job.CommandCriteria),
                JobParameters.ToArray(job.ClusterCriteria), new JobParameters.JsonText(job.Context.ToJsonString()),
                new JobParameters.OrNull<Guid?>(job.RetryOf), new JobParameters.OrNull<DateTime?>(job.StartBefore),
                new JobParameters.OrNull<string>(job.ScheduleId), new JobParameters.OrNull<DateTime?>(job.PlannedAt),
                (short)job.Priority, new JobParameters.OrNull<DateTime?>(job.StartAfter),
                new JobParameters.OrNull<string>(JobPredecessor.Write(job.After)),
                new JobParameters.OrNull<string>(job.Traceparent), job.FanOut!.ToJson(), job.Status.ToName(),
                new JobParameters.OrNull<string>(job.Approval?.ToJson()),
                new JobParameters.OrNull<TimeSpan?>(job.Approval?.Expires)));
        }
        if (EndHookStatement.Of(parents) is { } hooks)
        {
            batch.BatchCommands.Add(hooks);
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
        await using var now = new NpgsqlCommand("select now()", connection);
        return (DateTime)(await now.ExecuteScalarAsync(cancellationToken))!;
    }

    private static NpgsqlBatchCommand ToInsert(QueuedJob[] jobs, INewEntries entries)
    {
        var columns = new ColumnArrays<Job>(Array.ConvertAll(jobs, queued => queued.Job));
        var command = new NpgsqlBatchCommand(entries.SubmitSql)
        {
            Parameters =
            {
                columns.Take(NpgsqlDbType.Uuid, job => job.Id),
                columns.Take(NpgsqlDbType.Text, job => job.Name),
                columns.Take(NpgsqlDbType.Text, job => job.Version),
                columns.Take(NpgsqlDbType.Text, job => job.Description),
                columns.TakeArrays(job => job.Tags),
                columns.Take(NpgsqlDbType.Text, job => job.User),
                columns.Take(NpgsqlDbType.Text, job => job.Status.ToName()),
                columns.Take(NpgsqlDbType.Boolean, job => job.IsSync),
                columns.Take(NpgsqlDbType.Boolean, job => job.ReturnResult),
                columns.Take(NpgsqlDbType.Text, job => job.CommandId),
                columns.Take(NpgsqlDbType.Text, job => job.CommandName),
                columns.Take(NpgsqlDbType.Text, job => job.ClusterId),
                columns.Take(NpgsqlDbType.Text, job => job.ClusterName),
                columns.TakeArrays(job => job.CommandCriteria),
                columns.TakeArrays(job => job.ClusterCriteria),
                new ColumnArrays<QueuedJob>(jobs).Take(NpgsqlDbType.Text, queued => queued.Context),
                columns.Take(NpgsqlDbType.Text, job => job.QueueId),
                columns.Take(NpgsqlDbType.Uuid, job => job.RetryOf),
                columns.Take(NpgsqlDbType.Bigint, job => job.Resume?.Statement),
                columns.Take(NpgsqlDbType.Text, job => job.Resume?.Sha256),
                columns.Take(NpgsqlDbType.TimestampTz, job => job.StartBefore),
                columns.Take(NpgsqlDbType.Text, job => job.ScheduleId),
                columns.Take(NpgsqlDbType.TimestampTz, job => job.PlannedAt),
                columns.Take(NpgsqlDbType.Smallint, job => (short)job.Priority),
                columns.Take(NpgsqlDbType.TimestampTz, job => job.StartAfter),
                columns.Take(NpgsqlDbType.Text, job => JobPredecessor.Write(job.After)),
                columns.Take(NpgsqlDbType.Text, job => job.Traceparent),
                columns.Take(NpgsqlDbType.Uuid, job => job.ParentId),
                columns.Take(NpgsqlDbType.Boolean, job => job.IsHeld),
                columns.Take(NpgsqlDbType.Text, job => job.Approval?.ToJson()),
                columns.Take(NpgsqlDbType.Interval, job => job.Approval?.Expires),
                columns.Take(NpgsqlDbType.Text, job => job.SealedSecrets?.Text),
            },
        };
        foreach (var value in entries.Values())
        {
            command.Parameters.Add(value);
        }
        return command;
    }
}

/// <summary>A job on its way into the queue.</summary>
internal sealed record QueuedJob(Job Job)
{
    /// <summary>What the row of a job has beside its context, about.</summary>
    private const int BytesOfRow = 500;

    /// <summary>Made once, however often it is sent.</summary>
    public string Context { get; } = Job.Context.ToJsonString();

    public int Bytes => BytesOfRow + Context.Length + (Job.SealedSecrets?.Text.Length ?? 0);
}

/// <summary>How Hangfire's entries of new jobs come to be.</summary>
internal interface INewEntries
{
    /// <summary>Of <see cref="JobTransitions.Submit"/>.</summary>
    string SubmitSql { get; }

    /// <summary>The parameters behind those of the jobs.</summary>
    IEnumerable<NpgsqlParameter> Values();
}

/// <summary>They are there before the rows, which name them.</summary>
internal sealed class GivenEntries : INewEntries
{
    public static GivenEntries Instance { get; } = new();

    public string SubmitSql { get; } = JobTransitions.Submit("", "asked", "queue_id");

    public IEnumerable<NpgsqlParameter> Values() => [];
}
