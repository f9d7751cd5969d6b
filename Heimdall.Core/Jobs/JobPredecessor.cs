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

    internal static IReadOnlyList<JobPredecessor> Read(string json) =>
    [
        .. JsonNode.Parse(json)!.AsArray().Select(one => new JobPredecessor(
            one!["id"]!.GetValue<Guid>(),
            PredecessorEndNames.Read(one["on"]!.GetValue<string>()))),
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

    /// <summary>
    /// What the store says. A condition that only a newer version knows is shown as the widest one, and only workers of
    /// that version resolve it.
    /// </summary>
    public static PredecessorEnd Read(string name) => Find(name) ?? PredecessorEnd.Ended;

    /// <returns>Null when there is none of this name.</returns>
    public static PredecessorEnd? Find(string name) =>
        Enum.GetValues<PredecessorEnd>().Cast<PredecessorEnd?>().FirstOrDefault(end => end!.Value.ToName() == name);
}
