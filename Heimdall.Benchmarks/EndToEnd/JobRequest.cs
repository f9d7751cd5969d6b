using System.Text.Json.Nodes;

namespace Heimdall.Benchmarks.EndToEnd;

/// <summary>What callers send to have a job run.</summary>
internal static class JobRequest
{
    public const string Path = "/api/v1/job";

    /// <param name="label">The database's.</param>
    /// <param name="context">The job's.</param>
    public static JsonObject Of(string label, JsonObject context) => new()
    {
        ["name"] = "benchmark",
        ["version"] = "1",
        ["command_criteria"] = new JsonArray("type:postgres"),
        ["cluster_criteria"] = new JsonArray($"_id:{label}"),
        ["context"] = context,
    };
}
