using System.Text.Json.Nodes;
using Heimdall.Core.Audit;
using Heimdall.Core.Database;
using Heimdall.Core.Secrets;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Catalog;

/// <summary>The <c>command</c> and <c>cluster</c> tables. Every change is announced to all processes.</summary>
public sealed class CatalogStore(StoreDatabase database, AuditLog audit)
{
    /// <summary>Channel on which a change of any command or cluster is announced.</summary>
    public const string Channel = "heimdall_catalog";

    private const string SelectCommandsSql = """
        select id, name, version, description, status, plugin, tags, cluster_tags, allowed_callers, context::text, created_at, updated_at,
            max_attempts, idempotent, max_concurrency, max_priority, retention::text, removed_at is not null,
            on_end::text, put_at, put_by, revision, approval::text
        from command order by id
        """;

    private const string SelectClustersSql =
        """
        select id, name, version, description, status, tags, weight, created_at, updated_at, max_concurrency,
            put_at, put_by, revision, context, max_inline
        from cluster where removed_at is null order by id
        """;

    // A definition that was put over REST stays as it is: a trigger sees to that, also where an older version seeds. A
    // status that somebody has set lives until the file gives another one, whatever else the file says: during a rolling
    // upgrade two files take turns. A row without "file_status", or with another seed than "file_seed", was last seeded
    // by an older version.
    private const string SeedCommandSql = """
        insert into command (id, name, version, description, status, plugin, tags, cluster_tags, allowed_callers, context, seed,
            max_attempts, idempotent, max_concurrency, max_priority, file_status, file_seed, on_end, file_definition,
            definition_seed, approval)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $5, $11, $16::jsonb, $17::json,
            $11, $18::jsonb)
        on conflict (id) do update set name = excluded.name, version = excluded.version, description = excluded.description,
            status = case
                when command.file_status = excluded.file_status and command.file_seed = command.seed
                    or command.file_status is null and command.seed = excluded.seed
                then command.status else excluded.status end,
            file_status = excluded.file_status, file_seed = excluded.file_seed, plugin = excluded.plugin,
            tags = excluded.tags, cluster_tags = excluded.cluster_tags,
            allowed_callers = excluded.allowed_callers, context = excluded.context, seed = excluded.seed, max_attempts = excluded.max_attempts,
            idempotent = excluded.idempotent, max_concurrency = excluded.max_concurrency, max_priority = excluded.max_priority,
            on_end = excluded.on_end, file_definition = excluded.file_definition,
            definition_seed = excluded.definition_seed, approval = excluded.approval,
            removed_at = null,
            updated_at = case
                when command.seed = excluded.seed and command.removed_at is null then command.updated_at else now() end
        where command.seed <> excluded.seed or command.removed_at is not null or command.file_status is null
            or command.definition_seed is distinct from excluded.seed
        """;

    private const string SeedClusterSql = """
        insert into cluster (id, name, version, description, status, tags, weight, seed, max_concurrency, file_status,
            file_seed, file_definition, definition_seed)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $5, $8, $10::json, $8)
        on conflict (id) do update set name = excluded.name, version = excluded.version, description = excluded.description,
            status = case
                when cluster.file_status = excluded.file_status and cluster.file_seed = cluster.seed
                    or cluster.file_status is null and cluster.seed = excluded.seed
                then cluster.status else excluded.status end,
            file_status = excluded.file_status, file_seed = excluded.file_seed, tags = excluded.tags,
            weight = excluded.weight, seed = excluded.seed, max_concurrency = excluded.max_concurrency,
            file_definition = excluded.file_definition, definition_seed = excluded.definition_seed, removed_at = null,
            updated_at = case
                when cluster.seed = excluded.seed and cluster.removed_at is null then cluster.updated_at else now() end
        where cluster.seed <> excluded.seed or cluster.removed_at is not null or cluster.file_status is null
            or cluster.definition_seed is distinct from excluded.seed
        """;

    private const string FindReturningSql = """
        select 'Command', id from command where removed_at is not null and id = any ($1)
        union all select 'Cluster', id from cluster where removed_at is not null and id = any ($2)
        """;

    internal const string MarkSql = $"""
        with alive as materialized (
            select coalesce(file_commands, commands) as commands, coalesce(file_clusters, clusters) as clusters
            from worker where {LivingProcesses.MayLive}),
        marked_command as (
            update command set removed_at = now() where id in (
                select id from command
                where removed_at is null and put_at is null and {LivingProcesses.AllHaveStarted}
                    and not exists (select from alive where command.id = any (commands))
                order by id for update skip locked)
            returning id),
        marked_cluster as (
            update cluster set removed_at = now() where id in (
                select id from cluster
                where removed_at is null and put_at is null and {LivingProcesses.AllHaveStarted}
                    and not exists (select from alive where cluster.id = any (clusters))
                order by id for update skip locked)
            returning id)
        select 'Command', id from marked_command union all select 'Cluster', id from marked_cluster
        """;

    // A process that was cut off from the store for long is heard of again.
    private const string UnmarkSql = $"""
        with alive as materialized (
            select coalesce(file_commands, commands) as commands, coalesce(file_clusters, clusters) as clusters
            from worker where {LivingProcesses.IsAlive}),
        command_back as (
            update command set removed_at = null where id in (
                select id from command
                where removed_at is not null and exists (select from alive where command.id = any (commands))
                order by id for update skip locked)
            returning id),
        cluster_back as (
            update cluster set removed_at = null where id in (
                select id from cluster
                where removed_at is not null and exists (select from alive where cluster.id = any (clusters))
                order by id for update skip locked)
            returning id)
        select 'Command', id from command_back union all select 'Cluster', id from cluster_back
        """;

    // What was put says how long its jobs are kept, and else the files do. A removed command keeps what was said last.
    internal const string MergeRetentionSql = """
        with said as (
            select one.id, status, max(seconds) as seconds, bool_or(seconds is null) as is_forever
            from file_retention
                cross join lateral (select key, value from jsonb_each(commands)) one (id, times)
                cross join lateral (
                    select key, value::float8 from jsonb_each_text(one.times)) entry (status, seconds)
            group by one.id, status),
        longest as (
            select id, jsonb_object_agg(status, case when not is_forever then seconds end) as retention
            from said group by id),
        changed as (
            select command.id, said.retention
            from command left join longest on longest.id = command.id
                cross join lateral (
                    select case when put_at is null then longest.retention else put_retention end as retention) said
            where removed_at is null and command.retention is distinct from said.retention
            order by command.id for update of command skip locked)
        update command set retention = changed.retention from changed where command.id = changed.id
        returning 'Command', command.id
        """;

    // A trigger keeps a command that says how long its jobs are kept while there are any.
    private const string ForgetSql = """
        with commands as (
            delete from command where id in (
                select id from command where removed_at < now() - $1 for update skip locked)
            returning id),
        clusters as (
            delete from cluster where id in (
                select id from cluster where removed_at < now() - $1 for update skip locked)
            returning id)
        select 'Command', id from commands union all select 'Cluster', id from clusters
        """;

    private const string SetCommandStatusSql =
        "update command set status = $2, revision = revision + 1, updated_at = now() where id = $1";

    private const string SetClusterStatusSql =
        "update cluster set status = $2, revision = revision + 1, updated_at = now() where id = $1";

    internal const string AnnounceSql = $"select pg_notify('{Channel}', '')";

    public async Task<CatalogSnapshot> LoadAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new(SelectCommandsSql), new(SelectClustersSql) } };
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        var commands = new List<Command>();
        var removed = new List<Command>();
        while (await row.ReadAsync(cancellationToken))
        {
            (row.GetBoolean(17) ? removed : commands).Add(ReadCommand(row));
        }
        await row.NextResultAsync(cancellationToken);
        var clusters = new List<Cluster>();
        while (await row.ReadAsync(cancellationToken))
        {
            clusters.Add(ReadCluster(row));
        }
        return new CatalogSnapshot(commands, clusters) { RemovedCommands = removed };
    }

    /// <summary>
    /// Writes what the configuration file says, in one transaction. What other files have stays.
    /// </summary>
    internal async Task<CatalogChange> SeedAsync(
        IReadOnlyList<(Command Command, string Seed)> commands, IReadOnlyList<(Cluster Cluster, string Seed)> clusters,
        CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        foreach (var (command, seed) in commands)
        {
            batch.BatchCommands.Add(Statement(
                SeedCommandSql, command.Id, command.Name, command.Version, command.Description, command.Status.ToName(), command.Plugin,
                command.Tags.ToArray(), command.ClusterTags.ToArray(), command.AllowedCallers.ToArray(), command.Context, seed,
                command.MaxAttempts, command.Idempotent, Nullable(command.MaxConcurrency),
                Nullable(command.MaxPriority),
                Nullable(EndHook.Write(command.OnEnd ?? [])), CatalogDefinitions.Write(command),
                Nullable(command.Approval?.Write())));
        }
        foreach (var (cluster, seed) in clusters)
        {
            batch.BatchCommands.Add(Statement(
                SeedClusterSql, cluster.Id, cluster.Name, cluster.Version, cluster.Description, cluster.Status.ToName(), cluster.Tags.ToArray(),
                cluster.Weight, seed, Nullable(cluster.MaxConcurrency), CatalogDefinitions.Write(cluster)));
        }
        object ids = commands.Select(item => item.Command.Id).ToArray();
        object clusterIds = clusters.Select(item => item.Cluster.Id).ToArray();
        batch.BatchCommands.Insert(0, Statement(FindReturningSql, ids, clusterIds));
        batch.BatchCommands.Add(Statement(MergeRetentionSql));
        batch.BatchCommands.Add(Statement(AnnounceSql));
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        var back = await ReadEntriesAsync(row, cancellationToken);
        while (await row.NextResultAsync(cancellationToken))
        {
        }
        return new CatalogChange(back, Gone: []);
    }

    /// <summary>
    /// Marks what is in no living process's file, and takes the mark from what is in one again. Commands get the longest
    /// time that a file has their jobs kept.
    /// </summary>
    internal async Task<CatalogChange> MarkAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        CatalogChange change;
        int merged;
        await using (var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                Statement(UnmarkSql),
                Statement(MarkSql),
                Statement(MergeRetentionSql),
            },
        })
        {
            await using var row = await batch.ExecuteReaderAsync(cancellationToken);
            var back = await ReadEntriesAsync(row, cancellationToken);
            await row.NextResultAsync(cancellationToken);
            change = new CatalogChange(back, await ReadEntriesAsync(row, cancellationToken));
            await row.NextResultAsync(cancellationToken);
            merged = (await ReadEntriesAsync(row, cancellationToken)).Count;
        }
        if (change.Back.Count + change.Gone.Count + merged > 0)
        {
            await using var announce = new NpgsqlCommand(AnnounceSql, connection);
            await announce.ExecuteNonQueryAsync(cancellationToken);
        }
        return change;
    }

    /// <summary>Deletes what was marked long ago.</summary>
    internal async Task<IReadOnlyList<CatalogEntry>> ForgetRemovedAsync(
        TimeSpan age, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ForgetSql);
        command.Parameters.Add(new() { Value = age });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await ReadEntriesAsync(row, cancellationToken);
    }

    /// <returns>False when there is no such command.</returns>
    public Task<bool> SetCommandStatusAsync(string id, CatalogStatus status, CancellationToken cancellationToken) =>
        ChangeAsync(Statement(SetCommandStatusSql, id, status.ToName()), cancellationToken);

    /// <returns>False when there is no such cluster.</returns>
    public Task<bool> SetClusterStatusAsync(string id, CatalogStatus status, CancellationToken cancellationToken) =>
        ChangeAsync(Statement(SetClusterStatusSql, id, status.ToName()), cancellationToken);

    private static async Task<IReadOnlyList<CatalogEntry>> ReadEntriesAsync(
        NpgsqlDataReader row, CancellationToken cancellationToken)
    {
        var entries = new List<CatalogEntry>();
        while (await row.ReadAsync(cancellationToken))
        {
            entries.Add(new CatalogEntry(row.GetString(0), row.GetString(1)));
        }
        return entries;
    }

    private Task<bool> ChangeAsync(NpgsqlBatchCommand change, CancellationToken cancellationToken) =>
        audit.InTransactionAsync(
            async connection =>
            {
                await using var batch = new NpgsqlBatch(connection)
                {
                    BatchCommands = { change, Statement(AnnounceSql) },
                };
                await batch.ExecuteNonQueryAsync(cancellationToken);
                return change.RecordsAffected == 1;
            },
            isChanged => isChanged,
            cancellationToken);

    internal static NpgsqlParameter Nullable(string? text) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = text ?? (object)DBNull.Value };

    internal static NpgsqlParameter Nullable(int? number) =>
        new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = number ?? (object)DBNull.Value };

    internal static NpgsqlBatchCommand Statement(string sql, params object[] values)
    {
        var statement = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
        {
            statement.Parameters.Add(value as NpgsqlParameter ?? (value is JsonObject json
                ? new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Json, Value = json.ToJsonString() }
                : new NpgsqlParameter { Value = value }));
        }
        return statement;
    }

    private static Command ReadCommand(NpgsqlDataReader row) => new()
    {
        Id = row.GetString(0),
        Name = row.GetString(1),
        Version = row.GetString(2),
        Description = row.GetString(3),
        Status = CatalogStatusNames.Read(row.GetString(4)),
        Plugin = row.GetString(5),
        Tags = row.GetFieldValue<string[]>(6),
        ClusterTags = row.GetFieldValue<string[]>(7),
        AllowedCallers = row.GetFieldValue<string[]>(8),
        Context = JsonNode.Parse(row.GetString(9))!.AsObject(),
        CreatedAt = row.GetDateTime(10),
        UpdatedAt = row.GetDateTime(11),
        MaxAttempts = row.GetInt32(12),
        Idempotent = row.GetBoolean(13),
        MaxConcurrency = row.IsDBNull(14) ? null : row.GetInt32(14),
        MaxPriority = row.IsDBNull(15) ? null : row.GetInt32(15),
        Retention = row.IsDBNull(16) ? null : CommandRetention.Read(row.GetString(16)),
        OnEnd = row.IsDBNull(18) ? null : EndHook.Read(row.GetString(18)),
        Put = row.IsDBNull(19) ? null : new PutMark(row.GetDateTime(19), row.GetString(20)),
        Revision = row.GetInt64(21),
        Approval = row.IsDBNull(22) ? null : CommandApproval.Read(row.GetString(22)),
    };

    private static Cluster ReadCluster(NpgsqlDataReader row) => new()
    {
        Id = row.GetString(0),
        Name = row.GetString(1),
        Version = row.GetString(2),
        Description = row.GetString(3),
        Status = CatalogStatusNames.Read(row.GetString(4)),
        Tags = row.GetFieldValue<string[]>(5),
        Weight = row.GetInt32(6),
        CreatedAt = row.GetDateTime(7),
        UpdatedAt = row.GetDateTime(8),
        MaxConcurrency = row.IsDBNull(9) ? null : row.GetInt32(9),
        Put = row.IsDBNull(10) ? null : new PutMark(row.GetDateTime(10), row.GetString(11)),
        Revision = row.GetInt64(12),
        SealedContext = row.IsDBNull(13)
            ? null
            : new SealedText(Cluster.OwnerOfContext(row.GetString(0)), row.GetString(13)),
        MaxInline = row.IsDBNull(14) ? null : row.GetInt32(14),
    };
}

/// <summary>A command or a cluster, as it is called in the log.</summary>
internal sealed record CatalogEntry(string Kind, string Id);

/// <param name="Back">What had left all files and is in one again.</param>
/// <param name="Gone">What has left all files.</param>
internal sealed record CatalogChange(IReadOnlyList<CatalogEntry> Back, IReadOnlyList<CatalogEntry> Gone);
