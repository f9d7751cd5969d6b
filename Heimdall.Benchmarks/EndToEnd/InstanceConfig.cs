using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Heimdall.Benchmarks.EndToEnd;

/// <summary>The configuration file of <see cref="RunningHeimdall"/>: the defaults, but for addresses.</summary>
internal static class InstanceConfig
{
    /// <param name="listen">The API's address.</param>
    /// <param name="store">Connection string of the store.</param>
    /// <param name="sqlDirectory">The folder of the scripts.</param>
    /// <param name="clusters">Connection strings by the clusters' names.</param>
    /// <param name="areActive">False for clusters whose databases are not there yet.</param>
    public static string ToYaml(string listen, string store, string sqlDirectory, IReadOnlyDictionary<string, string> clusters, bool areActive) => $$"""
        database: {connection_string: {{Quote(store)}}}
        server: {listen: "{{listen}}", health_timeout: 60s} # a server that is busy with what is measured is not down
        sql_directory: {{Quote(sqlDirectory)}}
        commands:
        - {name: postgres, plugin: postgres, version: "1", tags: [type:postgres], cluster_tags: [type:postgres]}
        clusters:
        {{string.Join('\n', clusters.Select(cluster =>
            $"- {{name: {cluster.Key}, status: {(areActive ? "active" : "inactive")}, tags: [type:postgres], context: {{connection_string: {Quote(cluster.Value)}}}}}"))}}

        """;

    public static string FindFreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, port: 0);
        listener.Start();
        return $"http://{listener.LocalEndpoint}";
    }

    /// <summary>JSON's strings are YAML's too; a <c>${</c> of a password is no reference to a secret.</summary>
    private static string Quote(string text) => JsonSerializer.Serialize(text.Replace("${", "$${", StringComparison.Ordinal));
}
