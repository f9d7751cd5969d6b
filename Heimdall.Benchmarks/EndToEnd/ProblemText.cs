using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Benchmarks.EndToEnd;

/// <summary>Why the API refused something.</summary>
internal static class ProblemText
{
    /// <returns>The detail of a problem, or all that the API said.</returns>
    public static string Of(string body)
    {
        try
        {
            return JsonNode.Parse(body) is JsonObject problem && problem["detail"] is { } detail ? $"{detail}" : body;
        }
        catch (JsonException)
        {
            return body;
        }
    }
}
