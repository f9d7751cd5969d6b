using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;

namespace Heimdall.Api.Catalog;

/// <summary>A command as callers see it.</summary>
internal sealed record CommandView(
    string Id, string Name, string Version, string Description, string Status, string Plugin, IReadOnlyList<string> Tags,
    IReadOnlyList<string> ClusterTags, IReadOnlyList<string>? AllowedCallers, int MaxAttempts, bool Idempotent, JsonObject? Context, DateTime CreatedAt, DateTime UpdatedAt)
{
    public static CommandView Of(Command command) => new(
        command.Id, command.Name, command.Version, command.Description, command.Status.ToName(), command.Plugin, command.Tags, command.ClusterTags,
        command.AllowedCallers.Count > 0 ? command.AllowedCallers : null, command.MaxAttempts, command.Idempotent, command.Context.Count > 0 ? command.Context : null, command.CreatedAt, command.UpdatedAt);
}

/// <summary>A cluster as callers see it: never how to reach it.</summary>
internal sealed record ClusterView(
    string Id, string Name, string Version, string Description, string Status, IReadOnlyList<string> Tags, int Weight, DateTime CreatedAt, DateTime UpdatedAt)
{
    public static ClusterView Of(Cluster cluster) => new(
        cluster.Id, cluster.Name, cluster.Version, cluster.Description, cluster.Status.ToName(), cluster.Tags, cluster.Weight, cluster.CreatedAt, cluster.UpdatedAt);
}

/// <summary>Whether a command or cluster gets jobs.</summary>
internal sealed record CatalogStatusView(string Id, string Status);

/// <summary>What a probe said.</summary>
internal sealed record ClusterHealthView(string Id, string Name, bool Healthy, string? Error, double LatencyMs, DateTime CheckedAt)
{
    public static ClusterHealthView Of(Cluster cluster, ClusterHealth health) => new(
        cluster.Id, cluster.Name, health.Healthy, health.Error, Math.Round(health.Latency.TotalMilliseconds, 3), health.CheckedAt);
}

/// <summary>What probes of all active clusters said.</summary>
internal sealed record ClustersHealthView(bool Healthy, IReadOnlyList<ClusterHealthView> Clusters);
