using System.Text;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The query behind a list of jobs: only the conditions that are asked for, each a constant with a parameter, so that the
/// server can pick the index that fits. A page ends early when its contexts grow too large to be held in memory; its first
/// job always comes.
/// </summary>
internal static class JobListQuery
{
    // A context may be as large as a request body, and a page is built in memory.
    private const int MaxContextBytes = 8 * 1024 * 1024;

    /// <summary>The command's rows are those of <see cref="JobRow"/> and, as the last column, how many jobs there were to choose from.</summary>
    public static NpgsqlCommand Build(JobFilter filter)
    {
        var command = new NpgsqlCommand();
        var sql = new StringBuilder("select * from job where true");
        Add(filter.Id, " and id = ");
        Add(filter.Name, " and name = ");
        Add(filter.Version, " and version = ");
        Add(filter.User, " and \"user\" = ");
        Add(filter.Status.Count == 0 ? null : filter.Status.Select(status => status.ToName()).ToArray(), " and status = any ", "({0})");
        Add(filter.Command, " and command_id = ");
        Add(filter.Cluster, " and cluster_id = ");
        Add(filter.Tag is null ? null : new[] { filter.Tag }, " and tags @> ");
        Add(filter.ScheduleId, " and schedule = ");
        Add(filter.CreatedAfter, " and created_at > ");
        Add(filter.CreatedBefore, " and created_at < ");
        var column = filter.OrderBy == JobOrder.CreatedAt ? "created_at" : "updated_at";
        var direction = filter.Descending ? "desc" : "asc";
        if (filter.After is { } after)
        {
            Add(after.At, $" and ({column}, id) {(filter.Descending ? "<" : ">")} (", "{0}");
            Add(after.Id, ", ", "{0})");
        }
        Add(filter.Limit + 1, $" order by {column} {direction}, id {direction} limit ");
        var order = $"{column} {direction}, id {direction}";
        command.CommandText = $"""
            select {JobRow.Columns}, found
            from (select *, count(*) over () as found,
                    sum(octet_length(context::text)) over (order by {order} rows between unbounded preceding and 1 preceding) as bytes_before
                from ({sql}) page) page
            where coalesce(bytes_before, 0) < {MaxContextBytes}
            order by {order}
            """;
        return command;

        void Add(object? value, string condition, string placeholder = "{0}")
        {
            if (value is null)
            {
                return;
            }
            command.Parameters.Add(new() { Value = value });
            sql.Append(condition).AppendFormat(null, placeholder, $"${command.Parameters.Count}");
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
}
