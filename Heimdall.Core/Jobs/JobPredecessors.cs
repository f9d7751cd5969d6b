using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The <c>job_predecessor</c> table: which waiting jobs start only after which others. A trigger of the <c>job</c> table
/// records there how a predecessor has ended, in the transaction of its end.
/// </summary>
public sealed class JobPredecessors(StoreDatabase database)
{
    /// <summary>Channel on which it is announced that a predecessor has ended.</summary>
    public const string Channel = JobTransitions.PredecessorChannel;

    // One that is open cannot end before the transaction has: its end would not be recorded here. Rows are locked in
    // the order of their ids, as in every statement that locks many jobs. One that is gone has ended long ago.
    private const string InsertSql = $"""
        with earlier as materialized (select id, status, finished_at from job where id = any($2) order by id for share),
        added as (
            insert into job_predecessor (job_id, predecessor_id, wanted, ended_as)
            select asked.job_id, asked.id, asked.wanted, case
                when earlier.id is null then 'GONE'
                when earlier.finished_at is not null then earlier.status end
            from unnest($1, $2, $3) as asked (job_id, id, wanted) left join earlier on earlier.id = asked.id
            returning ended_as)
        select pg_notify('{Channel}', '') where exists (select from added where ended_as is not null)
        """;

    private const string FindOpenSql = """
        select predecessor_id, wanted, job.status from job_predecessor left join job on job.id = predecessor_id
        where job_id = $1 order by predecessor_id limit $2
        """;

    // Each sees what the one before it has deleted: of a job with two predecessors the last one releases it.
    internal const string LockSql = "select pg_advisory_xact_lock(hashtextextended('predecessors', 6203))";

    /// <summary>Which of these jobs there are not, for a caller who may see so much.</summary>
    public async Task<IReadOnlyList<Guid>> FindUnknownAsync(
        Guid[] ids, JobSight sight, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand();
        command.Parameters.Add(new() { Value = ids });
        var seen = sight.ToCondition(Parameter) is { } condition ? $" and {condition}" : "";
        command.CommandText = $"""
            select asked.id from unnest($1) as asked (id)
            where not exists (select from job where job.id = asked.id{seen})
            """;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var unknown = new List<Guid>();
        while (await row.ReadAsync(cancellationToken))
        {
            unknown.Add(row.GetGuid(0));
        }
        return unknown;

        string Parameter(object value)
        {
            command.Parameters.Add(new() { Value = value });
            return $"${command.Parameters.Count}";
        }
    }

    /// <summary>What a job still waits for, with where each of these stands; null for one that is gone.</summary>
    public async Task<IReadOnlyList<(JobPredecessor Predecessor, JobStatus? Status)>> FindOpenAsync(
        Guid jobId, int most, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindOpenSql);
        command.Parameters.Add(new() { Value = jobId });
        command.Parameters.Add(new() { Value = most });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var open = new List<(JobPredecessor, JobStatus?)>();
        while (await row.ReadAsync(cancellationToken))
        {
            open.Add((
                new JobPredecessor(row.GetGuid(0), PredecessorEndNames.Read(row.GetString(1))),
                row.IsDBNull(2) ? null : JobStatusNames.Parse(row.GetString(2))));
        }
        return open;
    }

    /// <summary>
    /// Lets jobs get in line whose predecessors have ended as they were to end, and cancels those of which one has
    /// ended otherwise.
    /// </summary>
    /// <returns>The jobs that were cancelled, and whether there may be more to do.</returns>
    public async Task<(IReadOnlyList<Guid> Canceled, bool More)> ResolveAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { new(LockSql), new(JobTransitions.ResolvePredecessors) },
        };
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        await row.NextResultAsync(cancellationToken);
        var canceled = new List<Guid>();
        var more = false;
        while (await row.ReadAsync(cancellationToken))
        {
            more = row.GetInt64(1) > 0;
            if (!row.IsDBNull(0))
            {
                canceled.Add(row.GetGuid(0));
            }
        }
        return (canceled, more);
    }

    /// <summary>Records the predecessors of new jobs, in the transaction of these.</summary>
    internal static NpgsqlBatchCommand ToInsert(IReadOnlyList<Job> jobs)
    {
        var all = jobs.SelectMany(job => job.AllPredecessors.Select(one => (job.Id, Predecessor: one))).ToArray();
        return JobParameters.ToStatement(
            InsertSql, all.Select(one => one.Id).ToArray(), all.Select(one => one.Predecessor.Id).ToArray(),
            all.Select(one => one.Predecessor.On.ToName()).ToArray());
    }
}
