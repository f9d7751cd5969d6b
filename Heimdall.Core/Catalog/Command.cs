using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Catalog;

/// <summary>How to run a job.</summary>
public sealed record Command
{
    private readonly Regex[] _callers = [];

    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Version { get; init; }

    public string Description { get; init; } = "";

    public CatalogStatus Status { get; init; }

    public required string Plugin { get; init; }

    /// <summary>As configured; <see cref="SystemTags"/> come on top.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    public IReadOnlyList<string> ClusterTags { get; init; } = [];

    /// <summary>Patterns of the users who may use it, matched whole; empty: everyone.</summary>
    public IReadOnlyList<string> AllowedCallers
    {
        get;
        init
        {
            field = value;
            _callers = [.. value.Select(CallerPattern.Compile)];
        }
    } = [];

    /// <summary>How often a job may fail in a way that passes before it has failed.</summary>
    public int MaxAttempts { get; init; } = 1;

    /// <summary>True when running a job once more does no harm, whatever of it has taken effect already.</summary>
    public bool Idempotent { get; init; }

    /// <summary>How many of its jobs run at once, over all workers; null: no limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] // the seed of a file without it is as it was before there was one
    public int? MaxConcurrency { get; init; }

    /// <summary>The highest priority that a job of it may ask for; null: any.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? MaxPriority { get; init; }

    /// <summary>How long its jobs are kept; null: as all others.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CommandRetention? Retention { get; init; }

    /// <summary>The hooks that are notified when a job of it ends; null: none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<EndHook>? OnEnd { get; init; }

    /// <summary>Given where somebody else has to approve its jobs; null: nobody has to.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CommandApproval? Approval { get; init; }

    public JsonObject Context { get; init; } = [];

    /// <summary>Who put it over REST; null: it is that of a file.</summary>
    [JsonIgnore]
    public PutMark? Put { get; init; }

    /// <summary>Counts the changes that people made.</summary>
    [JsonIgnore]
    public long Revision { get; init; }

    public DateTime CreatedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    /// <summary>With those that nobody writes.</summary>
    internal IEnumerable<string> AllTags => [.. Tags, .. SystemTags.Of(Id, Name, Version)];

    public bool Carries(string tag) => Tags.Contains(tag) || SystemTags.Of(Id, Name, Version).Contains(tag);

    public bool Allows(string user) => _callers.Length == 0 || _callers.Any(pattern => pattern.IsMatch(user));
}
