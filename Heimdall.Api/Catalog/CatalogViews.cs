using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Hooks;
using Heimdall.Api.Queue;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Catalog;

/// <summary>A command as callers see it.</summary>
internal sealed record CommandView(
    string Id, string Name, string Version, string Description,
    [property: OneOf("CatalogStatusName", typeof(CatalogStatusNames))] string Status, string Plugin,
    IReadOnlyList<string> Tags,
    IReadOnlyList<string> ClusterTags, IReadOnlyList<string>? AllowedCallers, int MaxAttempts, bool Idempotent, int? MaxConcurrency, int? MaxPriority,
    [property: Words(CommandConfig.ApprovalRequired)] string? Approval, double? ApprovalExpiresSeconds,
    IReadOnlyList<string>? Approvers, string? ApprovalExpires,
    IReadOnlyList<OnEndView>? OnEnd, CommandRetentionView? Retention, JsonObject? Context,
    [property: Words(CatalogSource.File, CatalogSource.Api)] string Source, string? PutBy, DateTime CreatedAt,
    DateTime UpdatedAt, PauseView? Paused)
{
    public static CommandView Of(Command command, IEnumerable<QueuePause> pauses) => new(
        command.Id, command.Name, command.Version, command.Description, command.Status.ToName(), command.Plugin, command.Tags, command.ClusterTags,
        command.AllowedCallers.Count > 0 ? command.AllowedCallers : null, command.MaxAttempts, command.Idempotent, command.MaxConcurrency, command.MaxPriority,
        command.Approval is null ? null : CommandConfig.ApprovalRequired, command.Approval?.Expires,
        command.Approval is { Approvers.Count: > 0 } approval ? approval.Approvers : null,
        command.Approval is { } wait ? Duration.Write(wait.Time) : null,
        OnEndView.Of(command.OnEnd), CommandRetentionView.Of(command.Retention),
        command.Context.Count > 0 ? command.Context : null, CatalogSource.Of(command.Put), command.Put?.By,
        command.CreatedAt, command.UpdatedAt,
        PauseView.Find(pauses, PauseTarget.Command(command.Id)));
}

/// <summary>Where a definition comes from.</summary>
internal static class CatalogSource
{
    public const string File = "file";
    public const string Api = "api";

    public static string Of(PutMark? put) => put is null ? File : Api;
}

/// <summary>How long ended jobs of a command are kept, where it is not as long as all others.</summary>
internal sealed record CommandRetentionView(string? Succeeded, string? Failed, string? Canceled, string? Killed)
{
    public static CommandRetentionView? Of(CommandRetention? retention)
    {
        return retention is null
            ? null
            : new(TimeOf("SUCCEEDED"), TimeOf("FAILED"), TimeOf("CANCELED"), TimeOf("KILLED"));

        string? TimeOf(string status) => retention.Seconds.TryGetValue(status, out var seconds)
            ? Duration.Write(seconds is null ? Duration.Forever : TimeSpan.FromSeconds(seconds.Value))
            : null;
    }
}

/// <summary>
/// A cluster as callers see it: never how to reach it. Who may change it sees where there are secrets.
/// </summary>
internal sealed record ClusterView(
    string Id, string Name, string Version, string Description,
    [property: OneOf("CatalogStatusName", typeof(CatalogStatusNames))] string Status, IReadOnlyList<string> Tags,
    int Weight,
    int? MaxConcurrency, int? MaxInline, JsonObject? Context,
    [property: Words(CatalogSource.File, CatalogSource.Api)] string Source, string? PutBy, DateTime CreatedAt,
    DateTime UpdatedAt, PauseView? Paused)
{
    public static ClusterView Of(Cluster cluster, IEnumerable<QueuePause> pauses) => new(
        cluster.Id, cluster.Name, cluster.Version, cluster.Description, cluster.Status.ToName(), cluster.Tags, cluster.Weight,
        cluster.MaxConcurrency, cluster.MaxInline, null, CatalogSource.Of(cluster.Put), cluster.Put?.By,
        cluster.CreatedAt, cluster.UpdatedAt, PauseView.Find(pauses, PauseTarget.Cluster(cluster.Id)));
}

/// <summary>Whether a command or cluster gets jobs.</summary>
internal sealed record CatalogStatusView(
    string Id, [property: OneOf("CatalogStatusName", typeof(CatalogStatusNames))] string Status);

/// <summary>What a probe said.</summary>
internal sealed record ClusterHealthView(
    string Id, string Name, bool Healthy, string? Error, IReadOnlyList<string>? Warnings, double LatencyMs,
        DateTime CheckedAt)
{
    public static ClusterHealthView Of(Cluster cluster, ClusterHealth health) => new(
        cluster.Id, cluster.Name, health.Healthy, health.Error, health.Warnings.Count > 0 ? health.Warnings : null,
            Math.Round(health.Latency.TotalMilliseconds, 3), health.CheckedAt);
}

/// <summary>What probes of all active clusters said.</summary>
internal sealed record ClustersHealthView(bool Healthy, IReadOnlyList<ClusterHealthView> Clusters);
