using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>How Heimdall is run: the defaults, but for what a row needs otherwise.</summary>
internal sealed record HeimdallSetup
{
    /// <summary>Connection strings by the clusters' names.</summary>
    public required IReadOnlyDictionary<string, string> Clusters { get; init; }

    /// <summary>The directory of Heimdall.Api.dll and Heimdall.Worker.dll.</summary>
    public string Programs { get; init; } = AppContext.BaseDirectory;

    /// <summary>The folder of the scripts.</summary>
    public required string SqlDirectory { get; init; }

    /// <summary>False for clusters whose databases are not there yet.</summary>
    public bool AreActive { get; init; } = true;

    /// <summary>Slots of a worker.</summary>
    public int Concurrency { get; init; } = 5;

    public int Workers { get; init; } = 1;

    public int Apis { get; init; } = 1;

    /// <summary>The clusters' limits, by their names.</summary>
    public IReadOnlyDictionary<string, int> MaxConcurrency { get; init; } = new Dictionary<string, int>();

    /// <summary>How many queries may run at once, on a cluster and of a caller; null for the defaults.</summary>
    public int? MaxInline { get; init; }

    /// <summary>That of <c>queue.storage</c>; null for a version that does not know the key.</summary>
    public string? Storage { get; init; }

    public string ToYaml(Uri address, string store) => $$"""
        database: {connection_string: {{Quote(store)}}}
        # A server that is busy with what is measured is not down; and queues are to be longer than most callers' are.
        server: {{{ServerOf(address)}}}
        worker: {concurrency: {{Concurrency}}}
        {{(Storage is null ? "" : $"queue: {{storage: {Storage}}}")}}
        sql_directory: {{Quote(SqlDirectory)}}
        commands:
        - {name: postgres, plugin: postgres, version: "1", tags: [type:postgres], cluster_tags: [type:postgres]}
        clusters:
        {{string.Join('\n', Clusters.Select(cluster => $"- {{name: {cluster.Key}, status: {(AreActive ? "active" : "inactive")}, tags: [type:postgres], "
            + (MaxConcurrency.TryGetValue(cluster.Key, out var most) ? $"max_concurrency: {most}, " : "")
            + (MaxInline is { } limit ? $"max_inline: {limit}, " : "")
            + $"context: {{connection_string: {Quote(cluster.Value)}}}}}"))}}

        """;

    private string ServerOf(Uri address) =>
        $"listen: \"{address.GetLeftPart(UriPartial.Authority)}\", health_timeout: 60s, max_queued_per_caller: 10000000"
        + (MaxInline is { } limit ? $", max_inline_per_caller: {limit}" : "");

    public static Uri FindFreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, port: 0);
        listener.Start();
        return new Uri($"http://{listener.LocalEndpoint}");
    }

    /// <summary>JSON's strings are YAML's too; a <c>${</c> of a password is no reference to a secret.</summary>
    private static string Quote(string text) => JsonSerializer.Serialize(text.Replace("${", "$${", StringComparison.Ordinal));
}
