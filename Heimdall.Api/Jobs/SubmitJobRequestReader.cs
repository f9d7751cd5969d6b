using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Reads a submission and finds everything that is wrong with its shape, not only the first thing: unknown fields and wrong
/// types are named one by one.
/// </summary>
internal static class SubmitJobRequestReader
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowDuplicateProperties = true };
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <returns>The request, or null where its fields cannot be told; and what is wrong.</returns>
    /// <exception cref="JsonException">The body is no JSON.</exception>
    public static async Task<(SubmitJobRequest? Request, List<ContextProblem> Problems)> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        using var document = await JsonDocument.ParseAsync(body, Lenient, cancellationToken);
        List<ContextProblem> problems = [.. UnreadableText.Find(document.RootElement)];
        if (problems.Count > 0)
        {
            return (null, problems);
        }
        // Only now: looking for fields that are there twice reads their names.
        if (JsonNode.Parse(JsonMarshal.GetRawUtf8Value(document.RootElement), documentOptions: Strict) is not JsonObject fields)
        {
            problems.Add(new("body", "Must be a JSON object."));
            return (null, problems);
        }
        var request = new SubmitJobRequest
        {
            Name = Take<string>("name", "a string"),
            Version = Take<string>("version", "a string"),
            Description = Take<string>("description", "a string"),
            Tags = Take<string[]>("tags", "an array of strings"),
            CommandCriteria = Take<string[]>("command_criteria", "an array of strings"),
            ClusterCriteria = Take<string[]>("cluster_criteria", "an array of strings"),
            Context = Take<JsonObject>("context", "an object"),
        };
        problems.AddRange(fields.Select(field => new ContextProblem(
            field.Key, "Unknown field. Known are: name, version, description, tags, command_criteria, cluster_criteria, context.")));
        return (request, problems);

        T? Take<T>(string name, string expected)
            where T : class
        {
            if (!fields.Remove(name, out var value) || value is null)
            {
                return null;
            }
            try
            {
                var read = value.Deserialize<T>();
                if (read is not string?[] strings || !strings.Contains(null))
                {
                    return read;
                }
            }
            catch (JsonException)
            {
                // Told below.
            }
            problems.Add(new(name, $"Must be {expected}."));
            return null;
        }
    }
}
