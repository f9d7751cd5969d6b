using System.Text.Json.Nodes;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A database of one fixture, and the plugin that runs jobs in it.</summary>
internal sealed class PluginTestServer : IAsyncDisposable
{
    private readonly ClusterConnections _connections = new(NullLogger<ClusterConnections>.Instance);
    private readonly TestDatabase _database;

    private PluginTestServer(TestDatabase database)
    {
        _database = database;
        Directory = System.IO.Directory.CreateTempSubdirectory("heimdall-sql").FullName;
        Plugin = new PostgresPlugin(_connections, new ScriptFolder(Directory), Clock);
        ConnectionString = database.ConnectionString;
        Cluster = new PluginCluster($"cluster_{Guid.NewGuid():N}", new JsonObject { ["connection_string"] = ConnectionString });
        Sql = NpgsqlDataSource.Create(ConnectionString);
    }

    public PostgresPlugin Plugin { get; }

    /// <summary>By which windows for DDL open and close.</summary>
    public ManualClock Clock { get; } = new(DateTime.UtcNow);

    public PluginCluster Cluster { get; }

    public string ConnectionString { get; }

    public string Directory { get; }

    /// <summary>For looking at what a job left behind.</summary>
    public NpgsqlDataSource Sql { get; }

    /// <param name="server">Where, if not on the tests' server.</param>
    public static async Task<PluginTestServer> StartAsync(string? server = null) => new(await TestDatabase.CreateAsync(server));

    public PluginJob Job(string context, IResultWriter? results = null, string command = "{}") => new()
    {
        Id = Guid.CreateVersion7(),
        Attempt = 1,
        TargetCluster = Cluster,
        CommandContext = Json(command),
        Context = Json(context),
        Results = results,
    };

    public PluginJob Batch(string sql) => Job(new JsonObject { ["query"] = sql }.ToJsonString());

    /// <summary>In a cluster with receipts.</summary>
    public PluginJob BatchWithReceipt(string sql, string? connectionString = null, string? role = null)
    {
        var context = new JsonObject { ["connection_string"] = connectionString ?? ConnectionString, ["receipts"] = true };
        return Job(new JsonObject { ["query"] = sql, ["role"] = role }.ToJsonString()) with { TargetCluster = new PluginCluster($"{Cluster.Id} with receipts", context) };
    }

    public PluginJob Query(string sql, IResultWriter results) => Job(new JsonObject { ["query"] = sql, ["return_result"] = true }.ToJsonString(), results);

    public static JsonObject Json(string json) => JsonNode.Parse(json)!.AsObject();

    public string WriteFile(string name, string content)
    {
        var path = Path.Combine(Directory, name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return name;
    }

    public async Task<T?> ScalarAsync<T>(string sql, CancellationToken cancellationToken = default)
    {
        await using var command = Sql.CreateCommand(sql);
        return await command.ExecuteScalarAsync(cancellationToken) is T value ? value : default;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Sql.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public Task<long> BackendsAsync(Guid jobId) =>
        ScalarAsync<long>($"select count(*) from pg_stat_activity where application_name like 'heimdall {jobId} %'");

    public async ValueTask DisposeAsync()
    {
        await _connections.DisposeAsync();
        await Sql.DisposeAsync();
        await _database.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
