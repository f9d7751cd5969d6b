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

    /// <summary>How often it is taken where several clusters match: twice the weight, twice the jobs. 1 to 1000. Default: 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>How many queued jobs run on it at once, over all workers. Default: as many as there are slots.</summary>
    public int? MaxConcurrency { get; init; }

    /// <summary>How many inline queries run on it at once, in one process; more are refused with 429. Default: 100.</summary>
    public int MaxInline { get; init; } = 100;

    /// <summary>What the plugin needs to reach the cluster. Holds secrets, or references to them.</summary>
    public JsonObject Context { get; init; } = [];

    /// <summary>Whether it carries all the tags that a command asks of a cluster.</summary>
    public bool SatisfiesTagsOf(CommandConfig command) => Carries(command.ClusterTags);

    /// <summary>Whether it carries all of these tags, its own or those that the system gives it.</summary>
    public bool Carries(IEnumerable<string> tags) =>
        tags.All(tag => Tags.Contains(tag) || SystemTags.Of(Id ?? Name, Name, Version).Contains(tag));
}
