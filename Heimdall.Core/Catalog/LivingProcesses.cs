using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>
/// The <c>worker</c> table: which processes live, APIs too, what each can run, what its configuration file has, and
/// what it would do otherwise than the others. The <c>file_retention</c> table: how long files have history kept.
/// </summary>
public sealed class LivingProcesses(StoreDatabase database, HeimdallConfig config)
{
    /// <summary>What is kept of schedules' histories, among the times of <see cref="FindRetentionAsync"/>.</summary>
    internal const string ScheduleRuns = "schedule_runs";

    /// <summary>The same of records of the audit.</summary>
    internal const string Audit = "audit";

    /// <summary>The same of messages to hooks.</summary>
    internal const string HookDeliveries = "hook_deliveries";

    /// <summary>The same of keys of submissions.</summary>
    internal const string IdempotencyKeys = "idempotency_keys";

    /// <summary>A condition: the process was heard of lately.</summary>
    internal const string IsAlive = "gone_at is null and seen_at > now() - 10 * coalesce(lease, interval '5 s')";

    /// <summary>
    /// A condition: the process may live, although a store that was down or busy may have kept it from saying so for
    /// minutes. One that has stopped may be about to start again. Nothing is taken out of the store that such a process
    /// has in its file.
    /// </summary>
    internal const string MayLive = "coalesce(gone_at > now() - interval '5 min', "
        + "greatest(seen_at, pg_postmaster_start_time()) > "
        + "now() - greatest(10 * coalesce(lease, interval '5 s'), interval '5 min'))";

    /// <summary>
    /// A condition: some process has lived for minutes. Before that, as when all processes were stopped for long, those
    /// may not have started yet that have in their files what the first ones lack.
    /// </summary>
    internal const string AllHaveStarted =
        $"exists (select from worker where {IsAlive} and started_at < now() - interval '5 min')";

    /// <summary>How often a process looks whether its row of <c>file_retention</c> is to be written.</summary>
    private static readonly TimeSpan SayRetentionInterval = TimeSpan.FromMinutes(5);

    private const string SeenSql = """
        insert into worker (
            id, name, clusters, commands, concurrency, file_clusters, file_commands, file_schedules, lease, settings,
            file_hooks)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11)
        on conflict (id) do update set name = excluded.name, clusters = excluded.clusters, commands = excluded.commands,
            concurrency = excluded.concurrency, seen_at = now(), gone_at = null
        """;

    // Processes with the same file share a row: it is written once an hour, by one of them.
    private const string SayRetentionSql = """
        insert into file_retention (id, kept, commands)
        select $1, $2::jsonb, $3::jsonb
        where not exists (select from file_retention where id = $1 and said_at > now() - interval '1 hour')
        on conflict (id) do update set said_at = now()
        """;

    private const string GoneSql = "update worker set gone_at = now() where id = $1";

    private const string ForgetSql = $"""
        delete from worker where id in (
            select id from worker
            where seen_at < now() - interval '1 day' or gone_at is not null and not {MayLive}
            for update skip locked)
        """;

    private const string ForgetRetentionSql =
        $"delete from file_retention where said_at < now() - interval '30 days' and {AllHaveStarted}";

    private const string FindWorkersSql =
        $"select name, concurrency, clusters, started_at from worker where {IsAlive} and concurrency > 0 order by name, id limit 200";

    private const string FindDifferencesSql = $"""
        select setting.name || ': ' || string_agg(distinct setting.value, ', ')
        from worker cross join lateral jsonb_each_text(settings) setting (name, value)
        where {IsAlive} group by setting.name having count(distinct setting.value) > 1 order by setting.name
        """;

    // One of a version before hooks does not say which it has.
    private const string FindHooksOfNoFileSql = $"""
        select hook from unnest($1) hook
        where {AllHaveStarted} and not exists (
            select from worker where {MayLive} and (file_hooks is null or hook.hook = any (file_hooks)))
        """;

    private const string FindRetentionSql = """
        select entry.name, max(seconds), bool_or(seconds is null)
        from file_retention cross join lateral (
            select key, value::float8 from jsonb_each_text(file_retention.kept)) entry (name, seconds)
        group by entry.name
        """;

    private readonly Guid _id = Guid.CreateVersion7();

    private readonly string[] _clusters = [.. config.Clusters.Select(cluster => cluster.Id ?? cluster.Name)];

    private readonly string[] _commands = [.. config.Commands.Select(command => command.Id ?? command.Name)];

    private readonly string[] _schedules = [.. config.Schedules.Select(schedule => schedule.Id ?? schedule.Name)];

    private readonly string[] _hooks = [.. config.Hooks.Receivers.Select(hook => hook.Id)];

    private readonly string _kept = new JsonObject
    {
        [CommandRetention.Succeeded] = ToSeconds(config.Retention.Succeeded),
        [CommandRetention.Failed] = ToSeconds(config.Retention.Failed),
        [CommandRetention.Canceled] = ToSeconds(config.Retention.Canceled),
        [CommandRetention.Killed] = ToSeconds(config.Retention.Killed),
        [ScheduleRuns] = ToSeconds(config.Retention.ScheduleRuns),
        [Audit] = ToSeconds(config.Retention.Audit),
        [HookDeliveries] = ToSeconds(config.Retention.HookDeliveries),
        [IdempotencyKeys] = ToSeconds(config.Server.IdempotencyRetention),
    }.ToJsonString();

    private readonly string _keptOfCommands = new JsonObject(
        from command in config.Commands
        let kept = CommandRetention.Of(command.Retention)
        where kept is not null
        orderby command.Id ?? command.Name
        select KeyValuePair.Create(command.Id ?? command.Name, JsonNode.Parse(kept.Write()))).ToJsonString();

    /// <summary>
    /// What should be the same in all files. Hosts may have mounted one directory in different places.
    /// </summary>
    private readonly string _settings = new JsonObject
    {
        ["worker.lease"] = Duration.Write(config.Worker.Lease),
        ["results.enabled"] = config.Results.Enabled ? "true" : "false",
        ["results.directory"] = config.Results.Directory is null ? "none" : "a directory",
        ["secrets.directory"] = config.Secrets.Directory is null ? "none" : "a directory",
    }.ToJsonString();

    private long? _retentionSaidAt;

    /// <summary>Records that this process lives, before it is ready and knows what it can run.</summary>
    internal Task StartsAsync(CancellationToken cancellationToken)
    {
        _retentionSaidAt = null;
        return SeenAsync("starts", clusters: [], commands: [], concurrency: 0, cancellationToken);
    }

    /// <summary>Records that this process lives, and how long its file has history kept.</summary>
    /// <param name="name">Of the process, for people.</param>
    /// <param name="clusters">On which it runs jobs.</param>
    /// <param name="commands">By which it runs jobs.</param>
    /// <param name="concurrency">How many it runs at once.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task SeenAsync(
        string name, string[] clusters, string[] commands, int concurrency, CancellationToken cancellationToken)
    {
        var saysRetention = _retentionSaidAt is not { } saidAt
            || Stopwatch.GetElapsedTime(saidAt) > SayRetentionInterval;
        await using var batch = database.DataSource.CreateBatch();
        Add(SeenSql, _id, name, clusters, commands, concurrency, _clusters, _commands, _schedules, config.Worker.Lease,
            _settings, _hooks);
        if (saysRetention)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_kept + _keptOfCommands)));
            Add(SayRetentionSql, hash, _kept, _keptOfCommands);
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
        _retentionSaidAt = saysRetention ? Stopwatch.GetTimestamp() : _retentionSaidAt;

        void Add(string sql, params object[] values)
        {
            var statement = new NpgsqlBatchCommand(sql);
            foreach (var value in values)
            {
                statement.Parameters.Add(new() { Value = value });
            }
            batch.BatchCommands.Add(statement);
        }
    }

    /// <summary>Records that this process stops. It counts as one that may live for some minutes.</summary>
    public async Task GoneAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(GoneSql);
        command.Parameters.Add(new() { Value = _id });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Forgets processes that have stopped or died, and how long files had history kept of which nothing was heard for
    /// 30 days.
    /// </summary>
    public async Task ForgetDeadAsync(CancellationToken cancellationToken)
    {
        await using var batch = database.DataSource.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(ForgetRetentionSql));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(ForgetSql));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The processes that run jobs, up to 200 of them.</summary>
    public async Task<IReadOnlyList<LivingWorker>> FindWorkersAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindWorkersSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var workers = new List<LivingWorker>();
        while (await row.ReadAsync(cancellationToken))
        {
            workers.Add(new LivingWorker(
                row.GetString(0), row.GetInt32(1), row.GetFieldValue<string[]>(2), row.GetDateTime(3)));
        }
        return workers;
    }

    /// <summary>What should be the same in the files of living processes and is not, with its values.</summary>
    public async Task<IReadOnlyList<string>> FindDifferencesAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindDifferencesSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var differences = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            differences.Add(row.GetString(0));
        }
        return differences;
    }

    /// <summary>Those of some hooks that are in no file of a process that may live.</summary>
    internal async Task<IReadOnlyList<string>> FindHooksOfNoFileAsync(
        string[] hooks, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindHooksOfNoFileSql);
        command.Parameters.Add(new() { Value = hooks });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var found = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            found.Add(row.GetString(0));
        }
        return found;
    }

    /// <summary>
    /// How long history is kept, by the name of its kind: a status of jobs, or what is named here. Where files differ,
    /// the longest time holds. Those of processes that live no more count too: such a process may come back.
    /// </summary>
    public async Task<IReadOnlyDictionary<string, TimeSpan>> FindRetentionAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindRetentionSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var longest = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            longest[row.GetString(0)] =
                row.GetBoolean(2) ? Duration.Forever : TimeSpan.FromSeconds(row.GetDouble(1));
        }
        return longest;
    }

    private static JsonNode? ToSeconds(TimeSpan time) => time == Duration.Forever ? null : time.TotalSeconds;
}

/// <summary>A process that runs jobs.</summary>
/// <param name="Name">Host name and process id.</param>
/// <param name="Slots">How many it runs at once.</param>
/// <param name="Clusters">On which.</param>
/// <param name="StartedAt">Since when it lives.</param>
public sealed record LivingWorker(string Name, int Slots, IReadOnlyList<string> Clusters, DateTime StartedAt);
