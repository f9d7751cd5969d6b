using System.Text.Json;
using System.Text.Json.Serialization;

namespace Heimdall.Core.Jobs;

/// <summary>
/// What makes a job a parent: how its children are run, one on each cluster, and how many of them have ended.
/// </summary>
public sealed record FanOut
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>So many children may be at work at once; null: all.</summary>
    public int? MaxParallel { get; init; }

    /// <summary>So many children come first, and the others only when these have all SUCCEEDED; null: none.</summary>
    public int? Canary { get; init; }

    /// <summary>Once so many children are FAILED or KILLED, no other one begins; null: however many.</summary>
    public int? StopAfterFailures { get; init; }

    /// <summary>How many children there are.</summary>
    public int Total { get; init; }

    public int Succeeded { get; init; }

    public int Failed { get; init; }

    public int Canceled { get; init; }

    public int Killed { get; init; }

    [JsonIgnore]
    public int Ended => Succeeded + Failed + Canceled + Killed;

    /// <summary>What its caller has asked for, without what has become of it.</summary>
    [JsonIgnore]
    public FanOut Asked => new()
    {
        MaxParallel = MaxParallel, Canary = Canary, StopAfterFailures = StopAfterFailures,
    };

    /// <summary>How many children get in line at once; the others wait for their turn.</summary>
    [JsonIgnore]
    public int First => Math.Min(Canary ?? Total, MaxParallel ?? Total);

    internal string ToJson() => JsonSerializer.Serialize(this, Json);

    internal static FanOut Read(string json) => JsonSerializer.Deserialize<FanOut>(json, Json)!;
}
