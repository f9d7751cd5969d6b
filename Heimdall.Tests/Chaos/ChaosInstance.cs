using Heimdall.Tests.Support;
using Npgsql;

namespace Heimdall.Tests.Chaos;

/// <summary>Heimdall with short leases, whose processes each have a way of their own to the store and the target.</summary>
internal static class ChaosInstance
{
    /// <summary>The environment variable with the port of the target.</summary>
    public const string TargetPort = "HEIMDALL_CHAOS_TARGET_PORT";

    /// <summary>The environment variable with the port of the store.</summary>
    public const string StorePort = "HEIMDALL_CHAOS_STORE_PORT";

    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(2);

    /// <summary>Databases and configuration; nothing runs yet.</summary>
    public static async Task<HeimdallInstance> CreateAsync(
        ChaosRound round, string? storeServer = null, string? targetServer = null)
    {
        var heimdall = await HeimdallInstance.CreateAsync(config => Configure(config, round), storeServer, targetServer);
        heimdall.Variables[TargetPort] = PortOf(heimdall.Target);
        heimdall.Variables[StorePort] = PortOf(heimdall.Store);
        return heimdall;
    }

    private static InstanceConfig Configure(InstanceConfig config, ChaosRound round) => WithCluster(
        config, Through(config.Target, TargetPort), round.Receipts) with
    {
        Worker = $"lease: {Lease.TotalSeconds}s, concurrency: 4, max_lost_attempts: 100",
        Queue = round.OnStockStorage ? "storage: stock" : "",
        Server = "health_timeout: 5s",
        Store = Through(config.Store, StorePort),
    };

    private static InstanceConfig WithCluster(InstanceConfig config, string connectionString, bool receipts)
    {
        var more = receipts ? ", receipts: true" : "";
        return config with
        {
            Clusters = $"- {{name: postgres, version: 0.0.1, tags: [type:postgres, data:local], max_concurrency: {ChaosJobs.AtOnce}, context: {{connection_string: \"{connectionString}\"{more}}}}}\n",
        };
    }

    internal static string PortOf(TestDatabase database) =>
        new NpgsqlConnectionStringBuilder(database.ConnectionString)["Port"].ToString()!;

    internal static string Through(string connectionString, string port)
    {
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        return connectionString.Replace($"Port={server.Port}", $"Port=${{env:{port}}}", StringComparison.Ordinal);
    }
}
