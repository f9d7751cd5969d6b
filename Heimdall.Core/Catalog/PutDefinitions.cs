using System.Text.Json;
using Heimdall.Core.Audit;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Secrets;
using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>
/// Commands and clusters that are put over REST. What was put holds until it is deleted, whatever files say; then the
/// file's definition holds again, where a living process's file has one.
/// </summary>
public sealed class PutDefinitions(StoreDatabase database, AuditLog audit, SecretBox box)
{
    private const string FindCommandSql = $"""
        select created_at, updated_at, revision, removed_at is null, put_at is not null,
            exists (
                select from worker where {LivingProcesses.MayLive} and $1 = any (coalesce(file_commands, commands))),
            case when definition_seed = seed then file_definition::text end
        from command where id = $1
        """;

    private const string FindClusterSql = $"""
        select created_at, updated_at, revision, removed_at is null, put_at is not null,
            exists (
                select from worker where {LivingProcesses.MayLive} and $1 = any (coalesce(file_clusters, clusters))),
            case when definition_seed = seed then file_definition::text end
        from cluster where id = $1
        """;

    private const string InsertCommandSql = """
        insert into command (id, name, version, description, status, plugin, tags, cluster_tags, allowed_callers,
            context, max_attempts, idempotent, max_concurrency, max_priority, on_end, approval, retention,
            put_retention, put_at, put_by, revision, seed)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb, $16::jsonb, $17::jsonb,
            $17::jsonb, now(), $18, 1, '')
        on conflict (id) do nothing
        """;

    private const string UpdateCommandSql = """
        update command set name = $2, version = $3, description = $4, status = $5, plugin = $6, tags = $7,
            cluster_tags = $8, allowed_callers = $9, context = $10, max_attempts = $11, idempotent = $12,
            max_concurrency = $13, max_priority = $14, on_end = $15::jsonb, approval = $16::jsonb,
            put_retention = $17::jsonb, put_at = case when $18 is not null then now() end, put_by = $18,
            removed_at = null, revision = revision + 1, updated_at = now()
        where id = $1 and revision = $19 and updated_at = $20
        """;

    private const string InsertClusterSql = """
        insert into cluster (id, name, version, description, status, tags, weight, max_concurrency, max_inline, context,
            put_at, put_by, revision, seed)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now(), $11, 1, '')
        on conflict (id) do nothing
        """;

    private const string UpdateClusterSql = """
        update cluster set name = $2, version = $3, description = $4, status = $5, tags = $6, weight = $7,
            max_concurrency = $8, max_inline = $9, context = $10, put_at = case when $11 is not null then now() end,
            put_by = $11, removed_at = null, revision = revision + 1, updated_at = now()
        where id = $1 and revision = $12 and updated_at = $13
        """;

    private const string RemoveCommandSql = """
        update command set put_at = null, put_by = null, put_retention = null, removed_at = now(),
            revision = revision + 1, updated_at = now()
        where id = $1 and revision = $2 and updated_at = $3
        """;

    private const string RemoveClusterSql = """
        update cluster set put_at = null, put_by = null, context = null, max_inline = null, removed_at = now(),
            revision = revision + 1, updated_at = now()
        where id = $1 and revision = $2 and updated_at = $3
        """;

    /// <param name="config">All of it; its id is given.</param>
    /// <param name="user">Who puts it.</param>
    /// <param name="mayPut">Whether what is there (null: nothing) may be replaced.</param>
    /// <param name="cancellationToken">Ends the change.</param>
    /// <returns>Whether it is new; null when it may not be put.</returns>
    public Task<bool?> PutCommandAsync(
        CommandConfig config, string user, Predicate<DefinitionVersion?> mayPut, CancellationToken cancellationToken)
    {
        var command = CatalogDefinitions.ToCommand(config);
        return PutAsync(
            FindCommandSql, command.Id, mayPut,
            version => version is null
                ? CatalogStore.Statement(InsertCommandSql, Values(command, user))
                : CatalogStore.Statement(
                    UpdateCommandSql, [.. Values(command, user), version.Revision, version.UpdatedAt]),
            cancellationToken);
    }

    /// <summary>The same of a cluster, with the way to it.</summary>
    public Task<bool?> PutClusterAsync(
        ClusterConfig config, string user, Predicate<DefinitionVersion?> mayPut, CancellationToken cancellationToken)
    {
        var cluster = CatalogDefinitions.ToCluster(config) with
        {
            MaxInline = config.MaxInline,
            SealedContext = box.Seal(Cluster.OwnerOfContext(config.Id!), config.Context.ToJsonString()),
        };
        return PutAsync(
            FindClusterSql, cluster.Id, mayPut,
            version => version is null
                ? CatalogStore.Statement(InsertClusterSql, Values(cluster, user))
                : CatalogStore.Statement(
                    UpdateClusterSql, [.. Values(cluster, user), version.Revision, version.UpdatedAt]),
            cancellationToken);
    }

    /// <summary>Takes away what was put of a command.</summary>
    public Task<DeletedDefinition> DeleteCommandAsync(
        string id, Predicate<DefinitionVersion> mayDelete, CancellationToken cancellationToken) => DeleteAsync(
        FindCommandSql, id, mayDelete,
        version => version.OfFile is { } json
            ? CatalogStore.Statement(
                UpdateCommandSql,
                [.. Values(JsonSerializer.Deserialize<Command>(json)!, user: null), version.Revision,
                    version.UpdatedAt])
            : CatalogStore.Statement(RemoveCommandSql, id, version.Revision, version.UpdatedAt),
        cancellationToken);

    /// <summary>Takes away what was put of a cluster.</summary>
    public Task<DeletedDefinition> DeleteClusterAsync(
        string id, Predicate<DefinitionVersion> mayDelete, CancellationToken cancellationToken) => DeleteAsync(
        FindClusterSql, id, mayDelete,
        version => version.OfFile is { } json
            ? CatalogStore.Statement(
                UpdateClusterSql,
                [.. Values(JsonSerializer.Deserialize<Cluster>(json)!, user: null), version.Revision,
                    version.UpdatedAt])
            : CatalogStore.Statement(RemoveClusterSql, id, version.Revision, version.UpdatedAt),
        cancellationToken);

    private static object[] Values(Command command, string? user) =>
    [
        command.Id, command.Name, command.Version, command.Description, command.Status.ToName(), command.Plugin,
        command.Tags.ToArray(), command.ClusterTags.ToArray(), command.AllowedCallers.ToArray(), command.Context,
        command.MaxAttempts, command.Idempotent, CatalogStore.Nullable(command.MaxConcurrency),
        CatalogStore.Nullable(command.MaxPriority), CatalogStore.Nullable(EndHook.Write(command.OnEnd ?? [])),
        CatalogStore.Nullable(command.Approval?.Write()),
        CatalogStore.Nullable(user is null ? null : command.Retention?.Write()), CatalogStore.Nullable(user),
    ];

    private static object[] Values(Cluster cluster, string? user) =>
    [
        cluster.Id, cluster.Name, cluster.Version, cluster.Description, cluster.Status.ToName(), cluster.Tags.ToArray(),
        cluster.Weight, CatalogStore.Nullable(cluster.MaxConcurrency), CatalogStore.Nullable(cluster.MaxInline),
        CatalogStore.Nullable(cluster.SealedContext?.Text), CatalogStore.Nullable(user),
    ];

    private async Task<bool?> PutAsync(
        string findSql, string id, Predicate<DefinitionVersion?> mayPut,
        Func<DefinitionVersion?, NpgsqlBatchCommand> write, CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = await FindAsync(findSql, id, cancellationToken);
            var there = found is { IsThere: true } ? found : null;
            if (!mayPut(there))
            {
                return null;
            }
            if (await WriteAsync(write(found), cancellationToken))
            {
                return there is null;
            }
        }
    }

    private async Task<DeletedDefinition> DeleteAsync(
        string findSql, string id, Predicate<DefinitionVersion> mayDelete,
        Func<DefinitionVersion, NpgsqlBatchCommand> write, CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = await FindAsync(findSql, id, cancellationToken);
            if (found is not { IsThere: true })
            {
                return DeletedDefinition.Unknown;
            }
            if (!found.IsPut)
            {
                return DeletedDefinition.IsOfFile;
            }
            if (!mayDelete(found))
            {
                return DeletedDefinition.IsAnother;
            }
            if (found is { IsInFile: true, OfFile: null })
            {
                return DeletedDefinition.IsOfOlderFile;
            }
            if (await WriteAsync(write(found), cancellationToken))
            {
                return found.OfFile is null ? DeletedDefinition.Gone : DeletedDefinition.BackToFile;
            }
        }
    }

    private async Task<DefinitionVersion?> FindAsync(string sql, string id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = id });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new DefinitionVersion(row.GetDateTime(0), row.GetDateTime(1), row.GetInt64(2))
            {
                IsThere = row.GetBoolean(3),
                IsPut = row.GetBoolean(4),
                IsInFile = row.GetBoolean(5),
                OfFile = !row.GetBoolean(5) || row.IsDBNull(6) ? null : row.GetString(6),
            }
            : null;
    }

    /// <returns>False when somebody else was first: nothing is written.</returns>
    private Task<bool> WriteAsync(NpgsqlBatchCommand write, CancellationToken cancellationToken) =>
        audit.InTransactionAsync(
            async connection =>
            {
                await using var batch = new NpgsqlBatch(connection)
                {
                    BatchCommands =
                    {
                        write,
                        CatalogStore.Statement(CatalogStore.MergeRetentionSql),
                        CatalogStore.Statement(CatalogStore.AnnounceSql),
                    },
                };
                await batch.ExecuteNonQueryAsync(cancellationToken);
                return write.RecordsAffected == 1;
            },
            isWritten => isWritten,
            cancellationToken);
}

/// <summary>Which version of a definition is there.</summary>
/// <param name="CreatedAt">Since when there is one with this id.</param>
/// <param name="UpdatedAt">When it was changed, by whatever.</param>
/// <param name="Revision">Counts the changes that people made.</param>
public sealed record DefinitionVersion(DateTime CreatedAt, DateTime UpdatedAt, long Revision)
{
    public static DefinitionVersion Of(Command command) =>
        new(command.CreatedAt, command.UpdatedAt, command.Revision);

    public static DefinitionVersion Of(Cluster cluster) =>
        new(cluster.CreatedAt, cluster.UpdatedAt, cluster.Revision);

    /// <summary>Whether it gets jobs; else its row is kept for the jobs that it had.</summary>
    internal bool IsThere { get; init; }

    internal bool IsPut { get; init; }

    /// <summary>Whether a living process's file has it.</summary>
    internal bool IsInFile { get; init; }

    /// <summary>
    /// What a living process's file says, as JSON; null where none has it, or one of an older version of Heimdall said
    /// it last, which does not write it down.
    /// </summary>
    internal string? OfFile { get; init; }
}

/// <summary>What became of the wish to take away what was put.</summary>
public enum DeletedDefinition
{
    /// <summary>There is nothing with this id.</summary>
    Unknown,

    /// <summary>Nothing was put: it is in a configuration file.</summary>
    IsOfFile,

    /// <summary>
    /// What holds then is in the file of a process of an older version, and that one alone knows it.
    /// </summary>
    IsOfOlderFile,

    /// <summary>It is not what the caller takes it to be.</summary>
    IsAnother,

    /// <summary>It is gone.</summary>
    Gone,

    /// <summary>What a file says holds again.</summary>
    BackToFile,
}
