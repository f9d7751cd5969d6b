using System.Text.Json;
using System.Text.Json.Serialization;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Jobs;

/// <summary>
/// That a job waits, or has waited, for somebody's approval: what is approved, who may not approve it, and who did.
/// </summary>
public sealed record JobApproval
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Who had a hand in the job besides its owner: none of them may approve it.</summary>
    public IReadOnlyList<string> AskedBy { get; init; } = [];

    /// <summary>What the job was to run when it was submitted. Nothing else is run.</summary>
    public JobContent? Content { get; init; }

    /// <summary>Of a new job: how long it waits.</summary>
    [JsonIgnore]
    public TimeSpan Expires { get; init; }

    /// <summary>Nobody can approve it afterwards.</summary>
    [JsonIgnore]
    public DateTime? Until { get; init; }

    /// <summary>Who has approved or refused it; null: nobody.</summary>
    [JsonIgnore]
    public string? DecidedBy { get; init; }

    [JsonIgnore]
    public DateTime? DecidedAt { get; init; }

    internal string ToJson() => JsonSerializer.Serialize(this, Json);

    internal static JobApproval Read(string json) => JsonSerializer.Deserialize<JobApproval>(json, Json)!;
}
