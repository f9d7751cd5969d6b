using System.Text.Json.Nodes;

namespace Heimdall.Core.Configuration;

/// <summary>How to run a job: the plugin, its defaults and ceilings, and the clusters it may run on.</summary>
public sealed record CommandConfig
{
    public const string ApprovalRequired = "required";
    public const string ApprovalNone = "none";

    /// <summary>Default: the name.</summary>
    public string? Id { get; init; }

    public string Name { get; init; } = "";

    /// <summary><c>active</c> or <c>inactive</c>; only active ones get jobs. Default: <c>active</c>.</summary>
    public string Status { get; init; } = "active";

    public string Plugin { get; init; } = "";

    public string Version { get; init; } = "";

    public string Description { get; init; } = "";

    /// <summary>What <c>command_criteria</c> of a job are compared with.</summary>
    public string[] Tags { get; init; } = [];

    /// <summary>Tags a cluster must carry for this command to run on it.</summary>
    public string[] ClusterTags { get; init; } = [];

    /// <summary>Patterns (regular expressions, matched whole) of the users who may use this command. Empty: everyone.</summary>
    public string[] AllowedCallers { get; init; } = [];

    /// <summary>How often a job may fail in a way that passes (a deadlock, a server that restarts) and be tried again. Default: 1, never again.</summary>
    public int MaxAttempts { get; init; } = 1;

    /// <summary>True when running a job once more does no harm, whatever of it has taken effect already. Default: false.</summary>
    public bool Idempotent { get; init; }

    /// <summary>How many of its jobs run at once, over all workers. Default: as many as there are slots.</summary>
    public int? MaxConcurrency { get; init; }

    /// <summary>The highest priority that a job of it may ask for, -100 to 100. Default: 100.</summary>
    public int? MaxPriority { get; init; }

    /// <summary>How long its jobs are kept after their end. Default: as all jobs.</summary>
    public CommandRetentionConfig Retention { get; init; } = new();

    /// <summary>The hooks that are notified when a job of it ends. Default: none.</summary>
    public OnEndConfig[] OnEnd { get; init; } = [];

    /// <summary><c>required</c>: somebody else has to approve each job before it runs. Default: <c>none</c>.</summary>
    public string Approval { get; init; } = ApprovalNone;

    /// <summary>A job that nobody has approved for so long ends. Default: 7 days.</summary>
    public TimeSpan ApprovalExpires { get; init; } = TimeSpan.FromDays(7);

    /// <summary>
    /// Patterns (regular expressions, matched whole) of the users who may approve its jobs. Empty: every operator.
    /// </summary>
    public string[] Approvers { get; init; } = [];

    /// <summary>The plugin's defaults and ceilings.</summary>
    public JsonObject Context { get; init; } = [];
}
