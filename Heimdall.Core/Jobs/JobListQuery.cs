using System.Text;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// The query behind a list of jobs: only the conditions that are asked for, each a constant with a parameter, so that the
/// server can pick the index that fits. What waits, what is at work and what has ended are asked for apart, as they are
/// indexed apart, and each gives no more than a page. So are the caller's own jobs, and those of each cluster or
/// command that the caller may look at: each has an index in the order of the list. A page ends early when its
/// contexts grow too large to be held in memory; its first job always comes.
/// </summary>
internal static class JobListQuery
{
    // A context may be as large as a request body, and a page is built in memory.
    private const int MaxContextBytes = 8 * 1024 * 1024;

    private const string HasEnded = "finished_at is not null";

    private static readonly JobStatus[] Unstarted = [JobStatus.Accepted, JobStatus.WaitingForApproval];

    private static readonly JobStatus[] AtWork = [JobStatus.New, JobStatus.Running, JobStatus.Canceling];

    /// <summary>The command's rows are those of <see cref="JobRow"/> and, as the last column, how many jobs there were to choose from.</summary>
    public static NpgsqlCommand Build(JobFilter filter)
    {
        var command = new NpgsqlCommand();
        var conditions = new StringBuilder(ConditionsOf(filter, Parameter));
        var column = filter.OrderBy == JobOrder.CreatedAt ? "created_at" : "updated_at";
        var direction = filter.Descending ? "desc" : "asc";
        if (filter.After is { } after)
        {
            conditions.Append(null, $" and ({column}, id) {(filter.Descending ? "<" : ">")} (")
                .Append(null, $"{Parameter(after.At)}, {Parameter(after.Id)})");
        }
        var order = $"{column} {direction}, id {direction}";
        var limit = Parameter(filter.Limit + 1);
        var sights = SightsOf(filter.Sight, filter.OrderBy, Parameter);
        var parts = PartsOf(filter.Status).SelectMany(part => sights.Select(sight =>
        {
            var page = $"(select * from job where {part}{conditions}{sight.Condition} order by {order} limit {limit})";
            return sight.From.Length == 0 ? page : $"(select job.* from {sight.From}{page} job)";
        }));
        command.CommandText = $"""
            select {JobRow.Columns}, found
            from (select *, count(*) over () as found,
                    sum(octet_length(context::text)) over (order by {order} rows between unbounded preceding and 1 preceding) as bytes_before
                from (select * from ({string.Join(" union all ", parts)}) parts order by {order} limit {limit}) page) page
            where coalesce(bytes_before, 0) < {MaxContextBytes}
            order by {order}
            """;
        return command;

        string Parameter(object value)
        {
            command.Parameters.Add(new() { Value = value });
            return $"${command.Parameters.Count}";
        }
    }

    /// <summary>Those of some jobs that match a filter, with its statuses; each is found by its id.</summary>
    public static NpgsqlCommand BuildMatching(Guid[] ids, JobFilter filter)
    {
        var command = new NpgsqlCommand();
        var named = Parameter(ids);
        var statuses = filter.Status.Count == 0
            ? ""
            : $" and status = any({Parameter(filter.Status.Select(status => status.ToName()).ToArray())})";
        var seen = filter.Sight.ToCondition(Parameter) is { } sight ? $" and {sight}" : "";
        command.CommandText = $"""
            select {JobRow.Columns} from job
            where id = any({named}){statuses}{ConditionsOf(filter, Parameter)}{seen}
            """;
        return command;

        string Parameter(object value)
        {
            command.Parameters.Add(new() { Value = value });
            return $"${command.Parameters.Count}";
        }
    }

    /// <summary>Those that are asked for, but for the status and the page; each begins with <c>and</c>.</summary>
    internal static string ConditionsOf(JobFilter filter, Func<object, string> parameter)
    {
        var conditions = new StringBuilder();
        Add(filter.Id, " and id = ");
        Add(filter.Name, " and name = ");
        Add(filter.NamePrefix, " and starts_with(name, ", ")");
        Add(filter.Version, " and version = ");
        Add(filter.User, " and \"user\" = ");
        Add(filter.Command, " and command_id = ");
        Add(filter.Cluster, " and cluster_id = ");
        Add(filter.Tag is null ? null : new[] { filter.Tag }, " and tags <> '{}' and tags @> ");
        Add(filter.ScheduleId, " and schedule = ");
        Add(filter.Parent, " and parent_id = ");
        Add(filter.CreatedAfter, " and created_at > ");
        Add(filter.CreatedBefore, " and created_at < ");
        return conditions.ToString();

        void Add(object? value, string before, string after = "")
        {
            if (value is not null)
            {
                conditions.Append(before).Append(parameter(value)).Append(after);
            }
        }
    }

    /// <summary>
    /// What may be seen, in parts that have no job in common. Nothing: a part without jobs. In the order of their
    /// creation, each cluster's jobs are read from its index. There is none for the other order: there the server
    /// chooses by how many jobs of these clusters there are, and must know their ids for that.
    /// </summary>
    internal static List<(string From, string Condition)> SightsOf(
        JobSight sight, JobOrder order, Func<object, string> parameter)
    {
        if (sight.IsEverything)
        {
            return [("", "")];
        }
        var parts = new List<(string, string)>();
        var before = "";
        foreach (var places in sight.Any)
        {
            var (from, condition) = order == JobOrder.CreatedAt
                ? EachOf(places, parameter)
                : ("", $" and {places.ToCondition(parameter)}");
            parts.Add((from, condition + before));
            before += $" and not ({places.ToCondition(parameter)})";
        }
        if (sight.Own.Count > 0)
        {
            var own = sight.Own.Any(places => places.IsAll)
                ? ""
                : $" and ({string.Join(" or ", sight.Own.Select(places => places.ToCondition(parameter)))})";
            parts.Add(("", $" and {sight.OwnerCondition(parameter)}{own}{before}"));
        }
        return parts.Count == 0 ? [("", " and false")] : parts;
    }

    private static (string From, string Condition) EachOf(JobPlaces places, Func<object, string> parameter)
    {
        var each = parameter(places.Clusters ?? places.Commands!);
        var condition = places switch
        {
            { Clusters: not null, Commands: { } commands } =>
                $" and cluster_id = place.id and command_id = any({parameter(commands)})",
            { Clusters: not null } => " and cluster_id = place.id",
            _ => " and command_id = place.id",
        };
        return ($"unnest({each}) place (id) cross join lateral ", condition);
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
        foreach (var status in Unstarted.Where(IsWanted))
        {
            yield return Is(status);
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
