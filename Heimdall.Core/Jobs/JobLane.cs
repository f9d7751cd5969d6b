using System.Text.Json;

namespace Heimdall.Core.Jobs;

/// <summary>One line of waiting jobs: those of one caller, on one cluster, by one command.</summary>
public sealed record JobLane(string User, string ClusterId, string CommandId)
{
    /// <summary>
    /// Channel on which new waiting jobs are announced. The payload names their lane, or is empty: any.
    /// </summary>
    public const string Channel = "heimdall_queue";

    /// <summary>The server takes no payload of 8,000 bytes.</summary>
    internal const int LongestPayload = 7_000;

    /// <summary>More than this many are announced as one.</summary>
    private const int MostAnnounced = 8;

    public static JobLane Of(Job job) => new(job.User, job.ClusterId, job.CommandId);

    /// <summary>What to announce when jobs of these lanes have been written.</summary>
    public static IReadOnlyList<string> ToPayloads(IEnumerable<JobLane> lanes)
    {
        string[] payloads = [.. lanes.Distinct().Take(MostAnnounced + 1).Select(lane => lane.ToPayload())];
        return payloads.Length > MostAnnounced || payloads.Contains("") ? [""] : payloads;
    }

    /// <returns>Null when the payload names none.</returns>
    public static JobLane? FromPayload(string payload) =>
        payload.Length > 0 && JsonSerializer.Deserialize<string[]>(payload) is [var user, var cluster, var command]
            ? new JobLane(user, cluster, command)
            : null;

    private string ToPayload()
    {
        var payload = JsonSerializer.Serialize(new[] { User, ClusterId, CommandId });
        return payload.Length > LongestPayload ? "" : payload; // ASCII: the serializer escapes the rest
    }
}
