using System.Globalization;
using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Core.Hooks;

/// <summary>
/// Late schedules, clusters that are down and a slow queue, for hooks that are notified of them: once when such a state
/// begins and once when it is over. The <c>hook_state</c> table has those that were told.
/// </summary>
internal sealed class HookStates(
    HookBook book, StoreDatabase database, LiveCatalog catalog, ClusterProber prober, ClusterContexts contexts,
    HeimdallConfig config)
{
    /// <summary>A cluster that was silent once may only have been restarted.</summary>
    private const int FailuresOfDown = 2;

    private const int MostWaiting = 100_000;

    /// <summary>Messages are sent about so many jobs that wait for an approval at once.</summary>
    private const int MostUnapproved = 1_000;

    // Overdue: no process has decided it. Refused: no command or cluster fitted it.
    internal const string LateSql = """
        select id, next_at, null from schedule
        where removed_at is null and paused_at is null and next_at < now() - $1
        union all
        select schedule.id, last.planned_at, coalesce(last.reason, '')
        from schedule cross join lateral (
            select outcome, reason, planned_at from schedule_run run
            where run.schedule = schedule.id and run.triggered_by is null
            order by run.planned_at desc, run.id desc limit 1) last
        where removed_at is null and paused_at is null and last.outcome = 'REFUSED'
            and not coalesce(next_at < now() - $1, false)
        """;

    // As the gauge of the oldest job has it: what waits for a time, for other jobs or for a pause to end is not late.
    // The second column: whether something is not late only because it is paused.
    internal const string SlowSql = """
        select min(since) filter (where not is_paused), coalesce(bool_or(is_paused), false)
        from (
            select since, exists (
                select from pause where (until is null or until > now())
                    and (scope = 'queue' or scope = 'cluster' and target = cluster_id
                        or scope = 'command' and target = command_id)) as is_paused
            from (
                select greatest(created_at, start_after, updated_at) as since, cluster_id, command_id, retry_at
                from job where status = 'ACCEPTED' order by created_at, id limit $2) waiting
            where retry_at is null and since < now() - $1) late
        """;

    // Those that were told first, so that none of them seems to be over where there are too many.
    internal const string UnapprovedSql = """
        select job.id, name, "user", command_id, cluster_id, approve_by
        from job left join hook_state told on told.event = $1 and told.subject = 'job/' || job.id
        where status = 'WAITING_FOR_APPROVAL' and approve_by > now() and parent_id is null
        order by told.since nulls last, approve_by, job.id limit $2
        """;

    // What is paused, out of service or gone is neither late nor down, and not well again either: nobody is told.
    private const string DropSchedulesSql = """
        delete from hook_state where event = $1 and not exists (
            select from schedule where 'schedule/' || id = subject and removed_at is null and paused_at is null)
        """;

    private const string DropClustersSql = """
        delete from hook_state where event = $1 and not exists (
            select from cluster where 'cluster/' || id = subject and removed_at is null and status = 'ACTIVE')
        """;

    private const string DropAllSql = "delete from hook_state where event = $1";

    private const string BeginSql = """
        insert into hook_state (event, subject) select $1, subject from unnest($2) subject order by subject
        on conflict do nothing returning subject, since
        """;

    private const string FinishSql =
        "delete from hook_state where event = $1 and subject = any ($2) returning subject, since";

    private const string ListSql = "select subject from hook_state where event = $1";

    // No message is sent about a receiver that is gone.
    private const string DropSql = "delete from hook_state where event <> all ($1) and event <> 'hook.gone'";

    private const string TellSql = """
        insert into hook_delivery (id, hook, event, subject, data)
        select id, hook, event, subject, data::jsonb
        from unnest($1, $2, $3, $4, $5) as told (id, hook, event, subject, data)
        """;

    private const string PlacesSql = """
        select 'job/' || id, "user", command_id, cluster_id from job
        where id in (select substr(subject, 5)::uuid from unnest($1) subject)
        """;

    private const string AnnounceSql = $"select pg_notify('{HookOutbox.Channel}', '')";

    private readonly Dictionary<string, int> _failures = new(StringComparer.Ordinal);

    /// <summary>Looks what has begun or is over since the last look, and writes the messages of it.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        string[] told = [.. HookEvents.Known.Where(name => book.SubscribersOf(name).Any())];
        if (book.All.Count > 0)
        {
            await using var drop = database.DataSource.CreateCommand(DropSql);
            drop.Parameters.Add(new() { Value = told });
            await drop.ExecuteNonQueryAsync(cancellationToken);
        }
        // One that fails keeps none of the others from its end.
        await Task.WhenAll(told.Select(name => name switch
        {
            HookEvents.ScheduleLate => LookAtSchedulesAsync(cancellationToken),
            HookEvents.QueueSlow => LookAtQueueAsync(cancellationToken),
            HookEvents.JobUnapproved => LookAtApprovalsAsync(cancellationToken),
            HookEvents.ClusterDown => LookAtClustersAsync(cancellationToken),
            _ => Task.CompletedTask,
        }));
    }

    private async Task LookAtSchedulesAsync(CancellationToken cancellationToken)
    {
        var late = await FindLateAsync(cancellationToken);
        await TellAsync(HookEvents.ScheduleLate, late, DropSchedulesSql, over: null, cancellationToken);
    }

    private async Task LookAtQueueAsync(CancellationToken cancellationToken)
    {
        var (slow, isPaused) = await FindSlowAsync(cancellationToken);
        var drop = slow.Count == 0 && isPaused ? DropAllSql : null;
        await TellAsync(HookEvents.QueueSlow, slow, drop, over: null, cancellationToken);
    }

    private async Task LookAtApprovalsAsync(CancellationToken cancellationToken)
    {
        var waiting = await FindUnapprovedAsync(cancellationToken);
        await TellAsync(HookEvents.JobUnapproved, waiting, dropSql: null, over: null, cancellationToken);
    }

    private async Task LookAtClustersAsync(CancellationToken cancellationToken)
    {
        var (down, up) = await ProbeAsync(cancellationToken);
        await TellAsync(HookEvents.ClusterDown, down, DropClustersSql, up, cancellationToken);
    }

    private async Task<IReadOnlyList<HookState>> FindLateAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(LateSql);
        command.Parameters.Add(new() { Value = config.Hooks.ScheduleLateAfter });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var late = new List<HookState>();
        while (await row.ReadAsync(cancellationToken))
        {
            var (id, planned) = (row.GetString(0), Write(row.GetDateTime(1)));
            late.Add(new HookState($"schedule/{id}", $"Schedule {id} is late")
            {
                Reason = row.IsDBNull(2)
                    ? $"Its run of {planned} was not made."
                    : $"Its run of {planned} could not be made. {row.GetString(2)}".TrimEnd(),
                Members = { ["schedule"] = id, ["planned_at"] = planned },
            });
        }
        return late;
    }

    private async Task<IReadOnlyList<HookState>> FindUnapprovedAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(UnapprovedSql);
        command.Parameters.Add(new() { Value = HookEvents.JobUnapproved });
        command.Parameters.Add(new() { Value = MostUnapproved });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var waiting = new List<HookState>();
        while (await row.ReadAsync(cancellationToken))
        {
            var (id, name, user) = (row.GetGuid(0).ToString(), row.GetString(1), row.GetString(2));
            waiting.Add(new HookState($"job/{id}", $"Job {name} of {user} waits for an approval")
            {
                Reason = $"It ends if nobody has approved it by {Write(row.GetDateTime(5))}.",
                Members =
                {
                    ["id"] = id, ["name"] = name, ["user"] = user, ["command_id"] = row.GetString(3),
                    ["cluster_id"] = row.GetString(4) is { Length: > 0 } cluster ? cluster : null,
                },
            });
        }
        return waiting;
    }

    /// <returns>The slow queue, or nothing; and whether jobs that are paused would make it slow.</returns>
    private async Task<(IReadOnlyList<HookState> Slow, bool IsPaused)> FindSlowAsync(
        CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SlowSql);
        command.Parameters.Add(new() { Value = config.Hooks.QueueOlderThan });
        command.Parameters.Add(new() { Value = MostWaiting });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        var isPaused = row.GetBoolean(1);
        if (row.IsDBNull(0))
        {
            return ([], isPaused);
        }
        var oldest = Write(row.GetDateTime(0));
        var slow = new HookState("queue", "The queue is slow")
        {
            Reason = $"A job has waited for its turn since {oldest}.",
            Members = { ["waiting_since"] = oldest },
        };
        return ([slow], isPaused);
    }

    /// <returns>The clusters that are down, and the subjects of those that answer.</returns>
    private async Task<(IReadOnlyList<HookState> Down, IReadOnlyList<string> Up)> ProbeAsync(
        CancellationToken cancellationToken)
    {
        // Of a cluster that only others know this process cannot say that it is down, nor of one without a command.
        Cluster[] known = [.. catalog.Current.Clusters.Where(cluster =>
            cluster.Status == CatalogStatus.Active && contexts.FindWritten(cluster.Id) is not null
            && prober.CanProbe(cluster))];
        var problems = await Task.WhenAll(known.Select(cluster => prober.FindProblemAsync(cluster, cancellationToken)));
        var (down, up) = (new List<HookState>(), new List<string>());
        foreach (var (cluster, problem) in known.Zip(problems))
        {
            var failures = problem is null ? 0 : _failures.GetValueOrDefault(cluster.Id) + 1;
            _failures[cluster.Id] = failures;
            if (problem is null)
            {
                up.Add(SubjectOf(cluster.Id));
            }
            else if (failures >= FailuresOfDown)
            {
                down.Add(new HookState(
                    SubjectOf(cluster.Id), $"Cluster {cluster.Id} is down")
                {
                    Reason = problem,
                    Members = { ["cluster_id"] = cluster.Id, ["cluster_name"] = cluster.Name },
                });
            }
        }
        return (down, up);
    }

    /// <param name="beginning">What is told when such a state begins.</param>
    /// <param name="current">What holds now.</param>
    /// <param name="dropSql">Forgets what is neither so nor over; null: there is no such thing.</param>
    /// <param name="over">What is known not to hold; null: all else.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    private async Task TellAsync(
        string beginning, IReadOnlyList<HookState> current, string? dropSql, IReadOnlyList<string>? over,
        CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var states = current.ToDictionary(state => state.Subject, StringComparer.Ordinal);
        var begun = await ReadAsync(BeginSql, [.. states.Keys]);
        if (dropSql is not null)
        {
            await using var drop = new NpgsqlCommand(dropSql, connection)
            {
                Parameters = { new() { Value = beginning } },
            };
            await drop.ExecuteNonQueryAsync(cancellationToken);
        }
        over ??= [.. (await ListAsync(connection, beginning, cancellationToken)).Except(states.Keys)];
        var finished = await ReadAsync(FinishSql, [.. over]);
        var told = begun.Select(one => (beginning, one.Subject, Data: states[one.Subject].Begun(one.Since)))
            .Concat(finished.Select(one => (HookEvents.EndOf(beginning), one.Subject, Data: Finished(one))))
            .ToArray();
        if (told.Length > 0)
        {
            var places = await FindPlacesAsync(
                connection, beginning, [.. told.Select(one => one.Subject)], cancellationToken);
            var rows = told.SelectMany(one =>
                HooksOf(beginning, one.Subject, places.GetValueOrDefault(one.Subject)).Select(hook => (hook, one)))
                .ToArray();
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    JobParameters.ToStatement(
                        TellSql, rows.Select(_ => Guid.CreateVersion7()).ToArray(),
                        rows.Select(row => row.hook).ToArray(),
                        rows.Select(row => row.one.Item1).ToArray(), rows.Select(row => row.one.Subject).ToArray(),
                        rows.Select(row => row.one.Data.ToJsonString()).ToArray()),
                    new(AnnounceSql),
                },
            };
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);

        async Task<IReadOnlyList<(string Subject, DateTime Since)>> ReadAsync(string sql, string[] subjects)
        {
            await using var command = new NpgsqlCommand(sql, connection)
            {
                Parameters = { new() { Value = beginning }, new() { Value = subjects } },
            };
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            var found = new List<(string, DateTime)>();
            while (await row.ReadAsync(cancellationToken))
            {
                found.Add((row.GetString(0), row.GetDateTime(1)));
            }
            return found;
        }
    }

    private static async Task<IReadOnlyList<string>> ListAsync(
        NpgsqlConnection connection, string beginning, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(ListSql, connection)
        {
            Parameters = { new() { Value = beginning } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var subjects = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            subjects.Add(row.GetString(0));
        }
        return subjects;
    }

    /// <summary>Where the jobs are that a state is about; of one that is gone nobody knows it.</summary>
    private static async Task<IReadOnlyDictionary<string, JobPlace>> FindPlacesAsync(
        NpgsqlConnection connection, string beginning, string[] subjects, CancellationToken cancellationToken)
    {
        var places = new Dictionary<string, JobPlace>(StringComparer.Ordinal);
        if (beginning != HookEvents.JobUnapproved)
        {
            return places;
        }
        await using var command = new NpgsqlCommand(PlacesSql, connection)
        {
            Parameters = { new() { Value = subjects } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            places[row.GetString(0)] = new JobPlace(row.GetString(1), row.GetString(2), row.GetString(3));
        }
        return places;
    }

    /// <summary>A receiver for some commands or clusters is notified of nothing that is elsewhere.</summary>
    private IEnumerable<string> HooksOf(string beginning, string subject, JobPlace? place)
    {
        var isOfJob = beginning == HookEvents.JobUnapproved;
        var cluster = isOfJob || beginning == HookEvents.ClusterDown
            ? catalog.Current.Clusters.FirstOrDefault(
                one => isOfJob ? one.Id == place?.ClusterId : SubjectOf(one.Id) == subject)
            : null;
        return book.SubscribersOf(beginning)
            .Where(hook => (cluster is null ? !isOfJob || hook.Config.ClusterTags.Length == 0
                    : hook.Config.ClusterTags.All(cluster.Carries))
                && (!isOfJob || hook.Config.Commands.Length == 0 || hook.Config.Commands.Contains(place?.CommandId)))
            .Select(hook => hook.Id);
    }

    /// <summary>What is over may be gone: its message says what its subject says.</summary>
    private static JsonObject Finished((string Subject, DateTime Since) state) => new()
    {
        ["summary"] = state.Subject.Split('/', 2) switch
        {
            ["schedule", var id] => $"Schedule {id} is on time again",
            ["cluster", var id] => $"Cluster {id} is up again",
            ["job", var id] => $"Job {id} does not wait for an approval any more",
            _ => "The queue is on time again",
        },
        ["since"] = Write(state.Since),
    };

    private static string SubjectOf(string clusterId) => $"cluster/{clusterId}";

    private static string Write(DateTime time) =>
        time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Something that holds now.</summary>
    private sealed record HookState(string Subject, string Summary)
    {
        public required string Reason { get; init; }

        public JsonObject Members { get; } = [];

        public JsonObject Begun(DateTime since)
        {
            var data = new JsonObject { ["summary"] = Summary, ["reason"] = Reason, ["since"] = Write(since) };
            foreach (var (name, value) in Members)
            {
                data[name] = value?.DeepClone();
            }
            return data;
        }
    }
}
