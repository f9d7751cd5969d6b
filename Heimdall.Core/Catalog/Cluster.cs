using System.Text.Json.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Secrets;

namespace Heimdall.Core.Catalog;

/// <summary>
/// Where to run a job. How to reach it (with its secrets) is in the configuration of each process, unless it was put
/// over REST. <see cref="ClusterContexts"/> knows both.
/// </summary>
public sealed record Cluster
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Version { get; init; }

    public string Description { get; init; } = "";

    public CatalogStatus Status { get; init; }

    /// <summary>As configured; <see cref="SystemTags"/> come on top.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>How often it is taken where several clusters match.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>How many queued jobs run on it at once, over all workers; null: no limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] // the seed of a file without it is as it was before there was one
    public int? MaxConcurrency { get; init; }

    /// <summary>Who put it over REST; null: it is that of a file.</summary>
    [JsonIgnore]
    public PutMark? Put { get; init; }

    /// <summary>How to reach it, of one that was put.</summary>
    [JsonIgnore]
    public SealedText? SealedContext { get; init; }

    /// <summary>How many inline queries run on it at once in one process, of one that was put.</summary>
    [JsonIgnore]
    public int? MaxInline { get; init; }

    /// <summary>Counts the changes that people made.</summary>
    [JsonIgnore]
    public long Revision { get; init; }

    public DateTime CreatedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    /// <summary>For whom the context of a cluster is sealed.</summary>
    internal static string OwnerOfContext(string id) => $"cluster/{id}";

    /// <summary>With those that nobody writes.</summary>
    internal IEnumerable<string> AllTags => [.. Tags, .. SystemTags.Of(Id, Name, Version)];

    public bool Carries(string tag) => Tags.Contains(tag) || SystemTags.Of(Id, Name, Version).Contains(tag);
}
