using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>
/// The <c>worker</c> table: which processes live, APIs too, what each can run, what its configuration file has, and
/// what it would do otherwise than the others.
/// </summary>
public sealed class LivingProcesses(StoreDatabase database, HeimdallConfig config)
{
    /// <summary>What is kept of schedules' histories, among the times of <see cref="FindRetentionAsync"/>.</summary>
    internal const string ScheduleRuns = "schedule_runs";

    /// <summary>The same of keys of submissions.</summary>
    internal const string IdempotencyKeys = "idempotency_keys";

    /// <summary>A condition: the process was heard of lately.</summary>
    internal const string IsAlive = "seen_at > now() - 10 * coalesce(lease, interval '5 s')";

    /// <summary>
    /// A condition: the process may live, although a store that was down or busy may have kept it from saying so for
    /// minutes. Nothing is taken out of the store that such a process has in its file.
    /// </summary>
    internal const string MayLive = "greatest(seen_at, pg_postmaster_start_time()) > "
        + "now() - greatest(10 * coalesce(lease, interval '5 s'), interval '5 min')";

    private const string SeenSql = """
        insert into worker (
            id, name, clusters, commands, concurrency, file_clusters, file_commands, file_schedules, lease, retention,
            settings)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb)
        on conflict (id) do update set name = excluded.name, clusters = excluded.clusters, commands = excluded.commands,
            concurrency = excluded.concurrency, seen_at = now()
        """;

    private const string GoneSql = "delete from worker where id = $1";

    private const string ForgetSql = """
        delete from worker where id in (
            select id from worker where seen_at < now() - interval '1 day' for update skip locked)
        """;

    private const string FindDifferencesSql = $"""
        select setting.name || ': ' || string_agg(distinct setting.value, ', ')
        from worker cross join lateral jsonb_each_text(settings) setting (name, value)
        where {IsAlive} group by setting.name having count(distinct setting.value) > 1 order by setting.name
        """;

    private const string FindRetentionSql = $"""
        select kept.name, max(seconds), bool_or(seconds is null)
        from worker cross join lateral (
            select key, value::float8 from jsonb_each_text(retention)) kept (name, seconds)
        where {IsAlive} group by kept.name
        """;

    private readonly Guid _id = Guid.CreateVersion7();

    private readonly string[] _clusters = [.. config.Clusters.Select(cluster => cluster.Id ?? cluster.Name)];

    private readonly string[] _commands = [.. config.Commands.Select(command => command.Id ?? command.Name)];

    private readonly string[] _schedules = [.. config.Schedules.Select(schedule => schedule.Id ?? schedule.Name)];

    private readonly string _retention = new JsonObject
    {
        [CommandRetention.Succeeded] = ToSeconds(config.Retention.Succeeded),
        [CommandRetention.Failed] = ToSeconds(config.Retention.Failed),
        [CommandRetention.Canceled] = ToSeconds(config.Retention.Canceled),
        [CommandRetention.Killed] = ToSeconds(config.Retention.Killed),
        [ScheduleRuns] = ToSeconds(config.Retention.ScheduleRuns),
        [IdempotencyKeys] = ToSeconds(config.Server.IdempotencyRetention),
    }.ToJsonString();

    /// <summary>
    /// What should be the same in all files. Hosts may have mounted one directory in different places.
    /// </summary>
    private readonly string _settings = new JsonObject
    {
        ["worker.lease"] = Duration.Write(config.Worker.Lease),
        ["results.enabled"] = config.Results.Enabled ? "true" : "false",
        ["results.directory"] = config.Results.Directory is null ? "none" : "a directory",
    }.ToJsonString();

    /// <summary>Records that this process lives, before it is ready and knows what it can run.</summary>
    internal Task StartsAsync(CancellationToken cancellationToken) =>
        SeenAsync("starts", clusters: [], commands: [], concurrency: 0, cancellationToken);

    /// <summary>Records that this process lives.</summary>
    /// <param name="name">Of the process, for people.</param>
    /// <param name="clusters">On which it runs jobs.</param>
    /// <param name="commands">By which it runs jobs.</param>
    /// <param name="concurrency">How many it runs at once.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task SeenAsync(
        string name, string[] clusters, string[] commands, int concurrency, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(SeenSql);
        foreach (var value in (object[])
            [
                _id, name, clusters, commands, concurrency, _clusters, _commands, _schedules,
                config.Worker.Lease, _retention, _settings,
            ])
        {
            command.Parameters.Add(new() { Value = value });
        }
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Records that this process stops.</summary>
    public async Task GoneAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(GoneSql);
        command.Parameters.Add(new() { Value = _id });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets processes that have died without a word.</summary>
    public async Task ForgetDeadAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ForgetSql);
        await command.ExecuteNonQueryAsync(cancellationToken);
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

    /// <summary>
    /// How long history is kept, by the name of its kind: a status of jobs, or what is named here. Where the files of
    /// living processes differ, the longest time holds.
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
