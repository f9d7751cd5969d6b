using System.Text;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The query behind a list of jobs: only the conditions that are asked for, each a constant with a parameter, so that the
/// server can pick the index that fits. What waits, what is at work and what has ended are asked for apart, as they are
/// indexed apart, and each gives no more than a page. A page ends early when its contexts grow too large to be held in memory;
/// its first job always comes.
/// </summary>
internal static class JobListQuery
{
    // A context may be as large as a request body, and a page is built in memory.
    private const int MaxContextBytes = 8 * 1024 * 1024;

    private const string HasEnded = "finished_at is not null";

    private static readonly JobStatus[] AtWork = [JobStatus.New, JobStatus.Running, JobStatus.Canceling];

    /// <summary>The command's rows are those of <see cref="JobRow"/> and, as the last column, how many jobs there were to choose from.</summary>
    public static NpgsqlCommand Build(JobFilter filter)
    {
        var command = new NpgsqlCommand();
        var conditions = new StringBuilder();
        Add(filter.Id, " and id = ");
        Add(filter.Name, " and name = ");
        Add(filter.Version, " and version = ");
        Add(filter.User, " and \"user\" = ");
        Add(filter.Command, " and command_id = ");
        Add(filter.Cluster, " and cluster_id = ");
        Add(filter.Tag is null ? null : new[] { filter.Tag }, " and tags <> '{}' and tags @> ");
        Add(filter.CreatedAfter, " and created_at > ");
        Add(filter.CreatedBefore, " and created_at < ");
        var column = filter.OrderBy == JobOrder.CreatedAt ? "created_at" : "updated_at";
        var direction = filter.Descending ? "desc" : "asc";
        if (filter.After is { } after)
        {
            Add(after.At, $" and ({column}, id) {(filter.Descending ? "<" : ">")} (");
            Add(after.Id, ", ", ")");
        }
        var order = $"{column} {direction}, id {direction}";
        var limit = Parameter(filter.Limit + 1);
        var parts = PartsOf(filter.Status).Select(part => $"(select * from job where {part}{conditions} order by {order} limit {limit})");
        command.CommandText = $"""
            select {JobRow.Columns}, found
            from (select *, count(*) over () as found,
                    sum(octet_length(context::text)) over (order by {order} rows between unbounded preceding and 1 preceding) as bytes_before
                from (select * from ({string.Join(" union all ", parts)}) parts order by {order} limit {limit}) page) page
            where coalesce(bytes_before, 0) < {MaxContextBytes}
            order by {order}
            """;
        return command;

        void Add(object? value, string before, string after = "")
        {
            if (value is not null)
            {
                conditions.Append(before).Append(Parameter(value)).Append(after);
            }
        }

        string Parameter(object value)
        {
            command.Parameters.Add(new() { Value = value });
            return $"${command.Parameters.Count}";
        }
    }

    /// <summary>One job more than asked for was looked for: it tells that there is another page.</summary>
    public static JobPage ToPage(JobFilter filter, List<Job> jobs, long found)
    {
        if (jobs.Count > filter.Limit)
        {
            jobs.RemoveAt(jobs.Count - 1);
        }
        if (jobs.Count == found)
        {
            return new JobPage(jobs, null);
        }
        var last = jobs[^1];
        var at = filter.OrderBy == JobOrder.CreatedAt ? last.CreatedAt : last.UpdatedAt;
        return new JobPage(jobs, new JobCursor(filter.OrderBy, filter.Descending, at, last.Id));
    }

    /// <summary>Conditions that no job meets twice. Of several statuses that end a job each is a part of its own: so each comes in order from its index.</summary>
    private static IEnumerable<string> PartsOf(IReadOnlyList<JobStatus> statuses)
    {
        bool IsWanted(JobStatus status) => statuses.Count == 0 || statuses.Contains(status);
        if (IsWanted(JobStatus.Accepted))
        {
            yield return Is(JobStatus.Accepted);
        }
        if (AtWork.Where(IsWanted).ToArray() is { Length: > 0 } atWork)
        {
            yield return $"status in ({string.Join(", ", atWork.Select(status => $"'{status.ToName()}'"))})";
        }
        if (statuses.Count == 0)
        {
            yield return HasEnded;
            yield break;
        }
        foreach (var status in statuses.Where(status => status.IsFinal()).Distinct())
        {
            yield return $"{HasEnded} and {Is(status)}";
        }
    }

    private static string Is(JobStatus status) => $"status = '{status.ToName()}'";
}
