using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Heimdall.Core.Jobs;

/// <summary>A job that another one starts after.</summary>
/// <param name="Id">Its id.</param>
/// <param name="On">How it must end for the other one to start.</param>
public sealed record JobPredecessor(Guid Id, PredecessorEnd On)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>As the store keeps them; null for none.</summary>
    internal static string? Write(IReadOnlyList<JobPredecessor> predecessors) =>
        predecessors.Count == 0 ? null : JsonSerializer.Serialize(predecessors, Json);

    /// <summary>A condition that only a newer version knows is shown as the widest: it does not decide here.</summary>
    internal static IReadOnlyList<JobPredecessor> Read(string json) =>
    [
        .. JsonNode.Parse(json)!.AsArray().Select(one => new JobPredecessor(
            one!["id"]!.GetValue<Guid>(),
            PredecessorEndNames.Find(one["on"]!.GetValue<string>()) ?? PredecessorEnd.Ended)),
    ];
}

/// <summary>How a job must end for another one to start. Written in small letters in JSON and in the store.</summary>
public enum PredecessorEnd
{
    Succeeded,

    /// <summary>FAILED or KILLED.</summary>
    Failed,

    /// <summary>In any way.</summary>
    Ended,
}

public static class PredecessorEndNames
{
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<PredecessorEnd>().Select(ToName)];

    public static string ToName(this PredecessorEnd end) => end.ToString().ToLowerInvariant();

    /// <returns>Null when there is none of this name.</returns>
    public static PredecessorEnd? Find(string name) =>
        Enum.GetValues<PredecessorEnd>().Cast<PredecessorEnd?>().FirstOrDefault(end => end!.Value.ToName() == name);
}
