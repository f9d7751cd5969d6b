using System.Globalization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>What a job waits for that is open and that nobody runs.</summary>
public sealed class WaitingReasons(
    StoreDatabase database, Pauses pauses, JobPredecessors predecessors, HeimdallConfig config)
{
    private const string RunningSql =
        "select count(*) from job where status in ('RUNNING', 'CANCELING') and not is_sync and";

    private const string ReadSql = $"""
        with alive as materialized (
            select clusters, commands from worker
            where gone_at is null and seen_at > now() - greatest($2, 3 * lease))
        select case when job.retry_at > now() and job.retry_at < 'infinity' then job.retry_at end,
            exists (select from alive where job.cluster_id = any(clusters)),
            exists (select from alive where job.command_id = any(commands)),
            exists (select from alive where job.cluster_id = any(clusters) and job.command_id = any(commands)),
            cluster.max_concurrency, ({RunningSql} cluster_id = cluster.id) >= cluster.max_concurrency,
            command.max_concurrency, ({RunningSql} command_id = command.id) >= command.max_concurrency
        from job left join cluster on cluster.id = job.cluster_id left join command on command.id = job.command_id
        where job.id = $1 and not job.is_sync
            and (job.status = 'ACCEPTED' or job.status in ('RUNNING', 'CANCELING') and job.lease_until < now())
        """;

    /// <summary>So many of the jobs that a job waits for are named.</summary>
    private const int MostNamed = 3;

    /// <summary>How many leases ago a worker that lives was heard of at the latest.</summary>
    private const int SilentLeases = 3;

    /// <returns>All that stands between the job and its start, in a phrase; null when it does not wait.</returns>
    public async Task<string?> FindAsync(Job job, CancellationToken cancellationToken)
    {
        if (job.Status.IsFinal() || job.IsSync)
        {
            return null;
        }
        if (job is { Status: JobStatus.WaitingForApproval, Approval.Until: var until })
        {
            return "an approval by an operator" + (until is { } time ? $", until {Time(time)}" : "");
        }
        var reasons = await ReadAsync(job, cancellationToken);
        if (reasons is null)
        {
            return null;
        }
        if (job.Status == JobStatus.Accepted && (job.After.Count > 0 || job.ParentId is not null))
        {
            var open = await predecessors.FindOpenAsync(job.Id, MostNamed + 1, cancellationToken);
            reasons.InsertRange(0, open.Take(MostNamed).Select(one => one.Predecessor.Id == job.ParentId
                ? $"its turn among the children of job {job.ParentId}"
                : Describe(one.Predecessor, one.Status)));
            if (open.Count > MostNamed)
            {
                reasons.Insert(MostNamed, "more jobs");
            }
        }
        foreach (var pause in await pauses.ListAsync(cancellationToken))
        {
            if (pause.Target == PauseTarget.Queue || pause.Target == PauseTarget.Cluster(job.ClusterId)
                || pause.Target == PauseTarget.Command(job.CommandId))
            {
                reasons.Add(Describe(pause));
            }
        }
        return reasons.Count > 0 ? string.Join("; ", reasons)
            : job.Status == JobStatus.Accepted ? "its turn"
            : "a worker that takes it over: the one that ran it has not renewed its lease";
    }

    private async Task<List<string>?> ReadAsync(Job job, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ReadSql);
        command.Parameters.Add(new() { Value = job.Id });
        command.Parameters.Add(new() { Value = SilentLeases * config.Worker.Lease });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }
        var reasons = new List<string>();
        if (!row.IsDBNull(0) && job.Status == JobStatus.Accepted)
        {
            reasons.Add($"{(job.Attempt == 0 ? "start_after" : "its next attempt")}, {Time(row.GetDateTime(0))}");
        }
        if (!row.GetBoolean(3))
        {
            reasons.Add((row.GetBoolean(1), row.GetBoolean(2)) switch
            {
                (false, true) => $"a worker that has cluster '{job.ClusterId}'",
                (true, false) => $"a worker that has command '{job.CommandId}'",
                _ => $"a worker that has cluster '{job.ClusterId}' and command '{job.CommandId}'",
            });
        }
        else if (job.Status == JobStatus.Accepted)
        {
            AddLimit(reasons, row, 4, $"cluster '{job.ClusterId}'");
            AddLimit(reasons, row, 6, $"command '{job.CommandId}'");
        }
        return reasons;
    }

    private static void AddLimit(List<string> reasons, NpgsqlDataReader row, int column, string of)
    {
        if (!row.IsDBNull(column + 1) && row.GetBoolean(column + 1))
        {
            reasons.Add($"max_concurrency of {of}, {row.GetInt32(column)}");
        }
    }

    private static string Describe(JobPredecessor predecessor, JobStatus? status) =>
        $"job {predecessor.Id}, until it has {predecessor.On.ToName()}"
        + (status is { } known ? $" (it is {known.ToName()})" : "");

    private static string Describe(QueuePause pause) =>
        $"a pause of {pause.Target} by {pause.By}"
        + (pause.Until is { } until ? $" until {Time(until)}" : "")
        + (pause.Reason is { Length: > 0 } reason ? $": {reason}" : "");

    private static string Time(DateTime time) =>
        time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
