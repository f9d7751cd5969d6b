using System.Text.Json.Nodes;

namespace Heimdall.Core.Configuration;

/// <summary>Where to run a job.</summary>
public sealed record ClusterConfig
{
    /// <summary>Default: the name.</summary>
    public string? Id { get; init; }

    public string Name { get; init; } = "";

    /// <summary><c>active</c> or <c>inactive</c>; only active ones get jobs. Default: <c>active</c>.</summary>
    public string Status { get; init; } = "active";

    public string Version { get; init; } = "";

    public string Description { get; init; } = "";

    /// <summary>What <c>cluster_criteria</c> of a job and <c>cluster_tags</c> of a command are compared with.</summary>
    public string[] Tags { get; init; } = [];

    /// <summary>What the plugin needs to reach the cluster. Holds secrets, or references to them.</summary>
    public JsonObject Context { get; init; } = [];
}
