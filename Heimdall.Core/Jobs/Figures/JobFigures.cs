using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Jobs.Figures;

/// <summary>
/// What there is to say of many jobs at once, for people. Each question reads a limited number of rows however long
/// the history is, in the order of an index, and its answer says where that was not all of them.
/// </summary>
public sealed class JobFigures(StoreDatabase database)
{
    /// <summary>Jobs of one status are counted up to here.</summary>
    public const int MostCounted = 10_000;

    /// <summary>
    /// Of the jobs that wait so many are looked at, everybody's oldest; and as many of those of a caller who does not
    /// see everything.
    /// </summary>
    public const int MostWaiting = 20_000;

    /// <summary>Of the jobs that run so many are read, those first that have run longest.</summary>
    public const int MostRunning = 500;

    /// <summary>Failures are grouped among so many, the newest.</summary>
    public const int MostFailures = 1_000;

    /// <summary>How many groups of failures are shown.</summary>
    public const int MostGroups = 15;

    /// <summary>The jobs that match a filter are counted by status among so many, the newest.</summary>
    public const int MostMatched = 5_000;

    /// <summary>Jobs that wait for an approval are counted up to so many.</summary>
    public const int MostUnapproved = 1_000;

    private static readonly JobStatus[] Ended =
        [JobStatus.Succeeded, JobStatus.Failed, JobStatus.Canceled, JobStatus.Killed];

    /// <summary>Of a parent nothing is run: its children are counted.</summary>
    private const string IsRun = "fan_out is null";

    private const string IsParent = "fan_out is not null";

    /// <summary>Those that wait, those that run and those that have ended, which are indexed apart.</summary>
    private static readonly string[] _kinds =
    [
        "status = 'ACCEPTED'", "status = 'WAITING_FOR_APPROVAL'", "status in ('NEW', 'RUNNING', 'CANCELING')",
        "finished_at is not null",
    ];

    /// <summary>Jobs that have ended, by how, of those submitted since a moment; each up to <see cref="MostCounted"/>.</summary>
    public async Task<IReadOnlyDictionary<JobStatus, long>> CountEndedAsync(
        JobSight sight, DateTime since, CancellationToken cancellationToken)
    {
        await using var command = BuildCountEnded(sight, since);
        var counts = new Dictionary<JobStatus, long>();
        await ReadAsync(command, row => counts[JobStatusNames.Parse(row.GetString(0))] = row.GetInt64(1), cancellationToken);
        return counts;
    }

    /// <summary>
    /// Jobs that wait for an approval, without the children of others; up to <see cref="MostUnapproved"/>.
    /// </summary>
    public async Task<long> CountUnapprovedAsync(JobSight sight, CancellationToken cancellationToken)
    {
        await using var command = BuildUnapproved(sight);
        var count = 0L;
        await ReadAsync(command, row => count = row.GetInt64(0), cancellationToken);
        return count;
    }

    /// <summary>
    /// The jobs that match a filter, by status, among the newest that may be seen: <see cref="MostMatched"/> of those
    /// that wait, of those that run and of those that have ended. The filter's own statuses do not count.
    /// </summary>
    public async Task<MatchCounts> CountMatchesAsync(JobFilter filter, CancellationToken cancellationToken)
    {
        await using var command = BuildCountMatches(filter);
        var counts = new Dictionary<JobStatus, long>();
        var isPartial = false;
        await ReadAsync(
            command,
            row =>
            {
                if (row.IsDBNull(0))
                {
                    isPartial |= row.GetInt64(1) >= MostMatched;
                }
                else
                {
                    counts[JobStatusNames.Parse(row.GetString(0))] = row.GetInt64(1);
                }
            },
            cancellationToken);
        return new MatchCounts(counts, isPartial);
    }

    /// <summary>The jobs that wait, by cluster.</summary>
    public async Task<QueueFigures> ReadWaitingAsync(JobSight sight, CancellationToken cancellationToken)
    {
        await using var command = BuildWaiting(sight);
        var clusters = new List<WaitingFigures>();
        var isPartial = false;
        await ReadAsync(
            command,
            row =>
            {
                if (row.IsDBNull(0))
                {
                    isPartial = row.GetInt64(1) >= MostWaiting;
                    return;
                }
                clusters.Add(new WaitingFigures(
                    row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.IsDBNull(3) ? null : row.GetDateTime(3)));
            },
            cancellationToken);
        return new QueueFigures(clusters, isPartial);
    }

    /// <summary>
    /// The jobs that have not ended, by cluster and by command. Of those that wait the oldest
    /// <see cref="MostWaiting"/> are looked at.
    /// </summary>
    public async Task<OpenJobs> ReadOpenAsync(JobSight sight, CancellationToken cancellationToken)
    {
        await using var command = BuildOpen(sight);
        var pairs = new List<(string, string, OpenFigures)>();
        var isPartial = false;
        await ReadAsync(
            command,
            row =>
            {
                if (row.IsDBNull(0))
                {
                    isPartial = row.GetInt64(4) >= MostWaiting;
                    return;
                }
                pairs.Add((row.GetString(0), row.GetString(1), new OpenFigures(
                    row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5),
                    row.IsDBNull(6) ? null : row.GetDateTime(6))));
            },
            cancellationToken);
        return OpenJobs.Of(pairs, isPartial);
    }

    /// <summary>The jobs that run, those first that have run longest.</summary>
    public async Task<IReadOnlyList<RunningJob>> ReadRunningAsync(JobSight sight, CancellationToken cancellationToken)
    {
        await using var command = BuildRunning(sight);
        var jobs = new List<RunningJob>();
        await ReadAsync(
            command,
            row => jobs.Add(new RunningJob(
                row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4),
                JobStatusNames.Parse(row.GetString(5)), row.GetBoolean(6), row.IsDBNull(7) ? null : row.GetString(7),
                row.GetInt32(8), row.GetDateTime(9), row.IsDBNull(10) ? null : row.GetInt64(10),
                row.IsDBNull(11) ? null : row.GetInt64(11))),
            cancellationToken);
        return jobs;
    }

    /// <summary>
    /// How jobs failed that were submitted since a moment, by SQLSTATE and name, the last seen first. It looks at the
    /// newest <see cref="MostFailures"/>.
    /// </summary>
    public async Task<IReadOnlyList<FailureGroup>> GroupFailuresAsync(
        JobSight sight, DateTime since, CancellationToken cancellationToken)
    {
        await using var command = BuildFailures(sight, since);
        var groups = new List<FailureGroup>();
        await ReadAsync(
            command,
            row => groups.Add(new FailureGroup(
                row.IsDBNull(0) ? null : row.GetString(0), row.GetString(1), row.GetInt64(2), row.GetDateTime(3),
                row.GetDateTime(4), row.GetGuid(5), row.IsDBNull(6) ? "" : row.GetString(6), row.GetInt64(7))),
            cancellationToken);
        return groups;
    }

    /// <summary>
    /// Jobs that have ended, of each of so many equal parts of a time the newest few. For who sees everything they are
    /// those that ended then; for others those that were submitted then, since only these have an index.
    /// </summary>
    /// <param name="sight">The jobs that are looked at.</param>
    /// <param name="from">When the first part begins.</param>
    /// <param name="step">How long each is.</param>
    /// <param name="parts">How many.</param>
    /// <param name="each">How many jobs of each.</param>
    /// <param name="now">By the store's clock.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async Task<JobSample> SampleAsync(
        JobSight sight, DateTime from, TimeSpan step, int parts, int each, DateTime now,
        CancellationToken cancellationToken)
    {
        await using var command = BuildSample(sight, from, step, parts, each);
        var jobs = new List<SampledJob>();
        await ReadAsync(
            command,
            row => jobs.Add(new SampledJob(
                row.GetInt32(0), JobStatusNames.Parse(row.GetString(1)),
                row.IsDBNull(2) ? null : TimeSpan.FromSeconds(row.GetDouble(2)),
                row.IsDBNull(3) ? null : TimeSpan.FromSeconds(row.GetDouble(3)), row.GetDateTime(4))),
            cancellationToken);
        return new JobSample(from, step, parts, each, now, jobs);
    }

    internal static NpgsqlCommand BuildCountEnded(JobSight sight, DateTime since)
    {
        var command = new NpgsqlCommand();
        var from = Parameter(command, since);
        var counts = Ended.Select(status => $"select '{status.ToName()}', {CountRun(HasEndedAs(status, from))}");
        command.CommandText = string.Join("\nunion all\n", counts);
        return command;

        // Parents are few and have an index of their own: without them all are counted by an index alone. What only
        // some may see is read row by row anyway.
        string CountRun(string ended) => sight.IsEverything
            ? $"""
              least({MostCounted}, greatest(0,
                  {CountOf(ended, 2 * MostCounted)} - {CountOf($"{ended} and {IsParent}", MostCounted)}))
              """
            : CountOf($"{ended} and {IsRun}", MostCounted);

        string CountOf(string condition, int most) => $"""
            (select count(*) from (
                select from ({PartsOf(command, sight, "1 as one", condition, most)}) seen limit {most}) counted)
            """;
    }

    internal static NpgsqlCommand BuildCountMatches(JobFilter filter)
    {
        var command = new NpgsqlCommand();
        const string Columns =
            "id, name, version, \"user\", status, command_id, cluster_id, tags, schedule, parent_id, created_at";
        var near = JobListQuery.ConditionsOf(NearOf(filter), value => Parameter(command, value));
        var newest = _kinds.Select((part, kind) =>
        {
            var seen = PartsOf(command, filter.Sight, Columns, $"{part}{near}", MostMatched);
            return $"(select {kind} as kind, * from ({seen}) seen order by created_at desc limit {MostMatched})";
        });
        command.CommandText = $"""
            with newest as materialized ({string.Join("\nunion all\n", newest)})
            select status, count(*) from newest
            where true{JobListQuery.ConditionsOf(filter, value => Parameter(command, value))} group by status
            union all
            select null, count(*) from newest group by kind
            """;
        return command;
    }

    /// <summary>
    /// What an index finds in the order of the list is part of the question which jobs are looked at: the times, and
    /// one of the others. More than one is not: for two of them there is no index.
    /// </summary>
    private static JobFilter NearOf(JobFilter filter)
    {
        var times = new JobFilter { CreatedAfter = filter.CreatedAfter, CreatedBefore = filter.CreatedBefore };
        return filter switch
        {
            { Sight.IsEverything: false } => times,
            { Id: not null } => times with { Id = filter.Id },
            { User: not null } => times with { User = filter.User },
            { Cluster: not null } => times with { Cluster = filter.Cluster },
            { Command: not null } => times with { Command = filter.Command },
            _ => times,
        };
    }

    internal static NpgsqlCommand BuildUnapproved(JobSight sight)
    {
        var command = new NpgsqlCommand();
        command.CommandText = $"""
            select count(*) from (
                select from job where status = 'WAITING_FOR_APPROVAL' and parent_id is null
                    {ConditionOf(command, sight)} limit {MostUnapproved}) unapproved
            """;
        return command;
    }

    internal static NpgsqlCommand BuildWaiting(JobSight sight)
    {
        var command = new NpgsqlCommand();
        var seen = ConditionOf(command, sight);
        command.CommandText = $"""
            {WithWaiting(command, sight)}
            select cluster_id, count(*) filter (where retry_at is null), count(*) filter (where retry_at is not null),
                min(greatest(created_at, start_after, updated_at)) filter (where retry_at is null)
            from waiting where true{seen} group by cluster_id
            union all
            select null, count(*), 0, null from waiting order by 2 desc, 1
            """;
        return command;
    }

    internal static NpgsqlCommand BuildOpen(JobSight sight)
    {
        var command = new NpgsqlCommand();
        var seen = ConditionOf(command, sight);
        command.CommandText = $"""
            {WithWaiting(command, sight)}
            select cluster_id, command_id, count(*) filter (where not is_sync), count(*) filter (where is_sync),
                0::bigint, 0::bigint, null::timestamptz
            from job where status in ('RUNNING', 'CANCELING') and {IsRun}{seen}
            group by cluster_id, command_id
            union all
            select cluster_id, command_id, 0, 0, count(*) filter (where retry_at is null),
                count(*) filter (where retry_at is not null),
                min(greatest(created_at, start_after, updated_at)) filter (where retry_at is null)
            from waiting where true{seen} group by cluster_id, command_id
            union all
            select null, null, 0, 0, count(*), 0, null from waiting
            """;
        return command;
    }

    /// <summary>
    /// The oldest that wait. What of them may be seen is asked of these rows: a caller who sees little must not make
    /// the server look through a long queue of others. Who sees nothing of others has all of their own counted.
    /// </summary>
    private static string WithWaiting(NpgsqlCommand command, JobSight sight)
    {
        var own = sight.IsEverything
            ? ""
            : OldestOf($" and {sight.OwnerCondition(value => Parameter(command, value))}");
        string[] parts = [sight.Any.Count > 0 ? OldestOf("") : "", own];
        return $"with waiting as materialized ({string.Join(" union ", parts.Where(part => part.Length > 0))})";

        static string OldestOf(string condition) => $"""
            (select id, "user", cluster_id, command_id, retry_at, created_at, start_after, updated_at from job
             where status = 'ACCEPTED'{condition} order by created_at, id limit {MostWaiting})
            """;
    }

    internal static NpgsqlCommand BuildRunning(JobSight sight)
    {
        var command = new NpgsqlCommand();
        command.CommandText = $"""
            select id, name, "user", cluster_id, cluster_name, status, is_sync, worker, attempt,
                coalesce(started_at, created_at) as since, statements, statements_total
            from job where status in ('RUNNING', 'CANCELING') and {IsRun}{ConditionOf(command, sight)}
            order by since, id limit {MostRunning}
            """;
        return command;
    }

    internal static NpgsqlCommand BuildFailures(JobSight sight, DateTime since)
    {
        var command = new NpgsqlCommand();
        var from = Parameter(command, since);
        const string Columns = "id, name, error_kind, error, errors, created_at, finished_at";
        var parts = new[] { JobStatus.Failed, JobStatus.Killed }.Select(status => PartsOf(
            command, sight, Columns,
            $"{HasEndedAs(status, from)} and {IsRun}", MostFailures));
        command.CommandText = $"""
            select state, name, count(*), min(finished_at), max(finished_at),
                (array_agg(id order by finished_at desc))[1], left((array_agg(error order by finished_at desc))[1], 300),
                sum(count(*)) over ()::bigint
            from (
                select id, name, left(error, 300) as error, finished_at,
                    coalesce(errors -> 0 ->> 'sql_state', case when error_kind <> 'Sql' then error_kind end) as state
                from ({string.Join("\nunion all\n", parts)} order by created_at desc limit {MostFailures}) newest) failed
            group by state, name order by 5 desc, 2 limit {MostGroups}
            """;
        return command;
    }

    internal static NpgsqlCommand BuildSample(JobSight sight, DateTime from, TimeSpan step, int parts, int each)
    {
        var command = new NpgsqlCommand();
        var (first, length) = (Parameter(command, from), Parameter(command, step));
        var order = sight.IsEverything ? JobOrder.UpdatedAt : JobOrder.CreatedAt;
        var column = order == JobOrder.UpdatedAt ? "updated_at" : "created_at";
        var sampled = PartsOf(
            command, sight, $"status, created_at, started_at, finished_at, {column} as at",
            $"finished_at is not null and {IsRun} and {column} >= {first} + part * {length} "
                + $"and {column} < {first} + (part + 1) * {length}",
            each, order);
        command.CommandText = $"""
            select part, status, extract(epoch from started_at - created_at)::float8,
                extract(epoch from finished_at - started_at)::float8, at
            from generate_series(0, {parts - 1}) part
                cross join lateral (select * from ({sampled}) seen order by at desc limit {each}) sampled
            """;
        return command;
    }

    /// <summary>The newest jobs that may be seen, of each part of the sight no more than a limit.</summary>
    private static string PartsOf(
        NpgsqlCommand command, JobSight sight, string columns, string condition, int limit,
        JobOrder order = JobOrder.CreatedAt)
    {
        var column = order == JobOrder.UpdatedAt ? "updated_at" : "created_at";
        return string.Join("\nunion all\n", JobListQuery.SightsOf(sight, order, value => Parameter(command, value))
            .Select(part =>
            {
                var newest = $"(select {columns} from job where {condition}{part.Condition} order by {column} desc, id desc limit {limit})";
                return part.From.Length == 0 ? newest : $"(select newest.* from {part.From}{newest} newest)";
            }));
    }

    private static string HasEndedAs(JobStatus status, string from) =>
        $"finished_at is not null and status = '{status.ToName()}' and created_at > {from}";

    private static string ConditionOf(NpgsqlCommand command, JobSight sight) =>
        sight.ToCondition(value => Parameter(command, value)) is { } condition ? $" and {condition}" : "";

    private static string Parameter(NpgsqlCommand command, object value)
    {
        command.Parameters.Add(new() { Value = value });
        return $"${command.Parameters.Count}";
    }

    private async Task ReadAsync(NpgsqlCommand command, Action<NpgsqlDataReader> take, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            take(row);
        }
    }
}
