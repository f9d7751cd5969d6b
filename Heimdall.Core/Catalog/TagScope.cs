using System.Text.Json;
using System.Text.Json.Serialization;

namespace Heimdall.Core.Catalog;

/// <summary>Where a role counts: for commands and on clusters that carry all of these tags.</summary>
/// <param name="CommandTags">Empty: for all commands.</param>
/// <param name="ClusterTags">Empty: on all clusters.</param>
public sealed record TagScope(
    [property: JsonPropertyName("command_tags")] IReadOnlyList<string> CommandTags,
    [property: JsonPropertyName("cluster_tags")] IReadOnlyList<string> ClusterTags)
{
    [JsonIgnore]
    public bool IsEverywhere => CommandTags.Count == 0 && ClusterTags.Count == 0;

    public bool Holds(Command command) => CommandTags.All(command.Carries);

    public bool Holds(Cluster cluster) => ClusterTags.All(cluster.Carries);

    public bool Holds(Command command, Cluster cluster) => Holds(command) && Holds(cluster);

    /// <returns>Null for null, which is everywhere.</returns>
    internal static string? Write(IReadOnlyList<TagScope>? scopes) =>
        scopes is null ? null : JsonSerializer.Serialize(scopes);

    internal static IReadOnlyList<TagScope> Read(string json) => JsonSerializer.Deserialize<TagScope[]>(json)!;
}
