using System.Text.Json.Nodes;
using Heimdall.Core.Audit;
using Heimdall.Core.Database;
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
            max_attempts, idempotent, max_concurrency, max_priority
        from command order by id
        """;

    private const string SelectClustersSql =
        """
        select id, name, version, description, status, tags, weight, created_at, updated_at, max_concurrency from cluster order by id
        """;

    // An edit through the API lives until the file itself says something else than when it last seeded the row.
    private const string SeedCommandSql = """
        insert into command (id, name, version, description, status, plugin, tags, cluster_tags, allowed_callers, context, seed,
            max_attempts, idempotent, max_concurrency, max_priority)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        on conflict (id) do update set name = excluded.name, version = excluded.version, description = excluded.description,
            status = excluded.status, plugin = excluded.plugin, tags = excluded.tags, cluster_tags = excluded.cluster_tags,
            allowed_callers = excluded.allowed_callers, context = excluded.context, seed = excluded.seed, max_attempts = excluded.max_attempts,
            idempotent = excluded.idempotent, max_concurrency = excluded.max_concurrency, max_priority = excluded.max_priority,
            updated_at = now()
        where command.seed <> excluded.seed
        """;

    private const string SeedClusterSql = """
        insert into cluster (id, name, version, description, status, tags, weight, seed, max_concurrency)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (id) do update set name = excluded.name, version = excluded.version, description = excluded.description,
            status = excluded.status, tags = excluded.tags, weight = excluded.weight, seed = excluded.seed,
            max_concurrency = excluded.max_concurrency, updated_at = now()
        where cluster.seed <> excluded.seed
        """;

    private const string RemoveCommandsSql = "delete from command where not id = any ($1)";

    private const string RemoveClustersSql = "delete from cluster where not id = any ($1)";

    private const string SetCommandStatusSql = "update command set status = $2, updated_at = now() where id = $1";

    private const string SetClusterStatusSql = "update cluster set status = $2, updated_at = now() where id = $1";

    private const string AnnounceSql = $"select pg_notify('{Channel}', '')";

    public async Task<CatalogSnapshot> LoadAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new(SelectCommandsSql), new(SelectClustersSql) } };
        await using var row = await batch.ExecuteReaderAsync(cancellationToken);
        var commands = new List<Command>();
        while (await row.ReadAsync(cancellationToken))
        {
            commands.Add(ReadCommand(row));
        }
        await row.NextResultAsync(cancellationToken);
        var clusters = new List<Cluster>();
        while (await row.ReadAsync(cancellationToken))
        {
            clusters.Add(ReadCluster(row));
        }
        return new CatalogSnapshot(commands, clusters);
    }

    /// <summary>Writes what the configuration file says, and removes what it says no more, in one transaction.</summary>
    internal async Task SeedAsync(
        IReadOnlyList<(Command Command, string Seed)> commands, IReadOnlyList<(Cluster Cluster, string Seed)> clusters, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        foreach (var (command, seed) in commands)
        {
            batch.BatchCommands.Add(Statement(
                SeedCommandSql, command.Id, command.Name, command.Version, command.Description, command.Status.ToName(), command.Plugin,
                command.Tags.ToArray(), command.ClusterTags.ToArray(), command.AllowedCallers.ToArray(), command.Context, seed,
                command.MaxAttempts, command.Idempotent, Nullable(command.MaxConcurrency),
                Nullable(command.MaxPriority)));
        }
        foreach (var (cluster, seed) in clusters)
        {
            batch.BatchCommands.Add(Statement(
                SeedClusterSql, cluster.Id, cluster.Name, cluster.Version, cluster.Description, cluster.Status.ToName(), cluster.Tags.ToArray(),
                cluster.Weight, seed, Nullable(cluster.MaxConcurrency)));
        }
        batch.BatchCommands.Add(Statement(RemoveCommandsSql, [commands.Select(item => item.Command.Id).ToArray()]));
        batch.BatchCommands.Add(Statement(RemoveClustersSql, [clusters.Select(item => item.Cluster.Id).ToArray()]));
        batch.BatchCommands.Add(Statement(AnnounceSql));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <returns>False when there is no such command.</returns>
    public Task<bool> SetCommandStatusAsync(string id, CatalogStatus status, CancellationToken cancellationToken) =>
        ChangeAsync(Statement(SetCommandStatusSql, id, status.ToName()), cancellationToken);

    /// <returns>False when there is no such cluster.</returns>
    public Task<bool> SetClusterStatusAsync(string id, CatalogStatus status, CancellationToken cancellationToken) =>
        ChangeAsync(Statement(SetClusterStatusSql, id, status.ToName()), cancellationToken);

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

    private static NpgsqlParameter Nullable(int? number) => new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = number ?? (object)DBNull.Value };

    private static NpgsqlBatchCommand Statement(string sql, params object[] values)
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
    };
}
