using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Descriptions;

/// <summary>An OpenAPI document, to compare with what an API answers.</summary>
internal sealed partial class DescribedApi(JsonElement document)
{
    private readonly SchemaCheck _schemas = new(document);

    private readonly (Regex Path, JsonElement Methods)[] _paths =
    [
        // A path without parameters comes before one with.
        .. document.GetProperty("paths").EnumerateObject()
            .OrderBy(path => path.Name.Count(character => character == '{'))
            .Select(path => (ToPattern(path.Name), path.Value)),
    ];

    public IEnumerable<(string Name, JsonElement Operation)> Operations => document.GetProperty("paths")
        .EnumerateObject().SelectMany(path => path.Value.EnumerateObject()
            .Select(method => ($"{method.Name.ToUpperInvariant()} {path.Name}", method.Value)));

    public JsonElement Schema(string id) => document.GetProperty("components").GetProperty("schemas").GetProperty(id);

    /// <summary>What an example or a reply stands for, behind its reference.</summary>
    public JsonElement Follow(JsonElement element) => _schemas.Follow(element);

    /// <summary>What is wrong with a value of a schema.</summary>
    public IReadOnlyList<string> FindFaults(JsonElement schema, JsonElement value) =>
        _schemas.FindFaults(schema, value);

    /// <summary>In what a reply differs from the document; none where the path is not in it.</summary>
    public IReadOnlyList<string> FindDifferences(
        string method, string path, int status, string? mediaType, IEnumerable<string> headers, string body)
    {
        var found = _paths.FirstOrDefault(known => known.Path.IsMatch(path.Split('?')[0])).Methods;
        if (found.ValueKind != JsonValueKind.Object
            || !found.TryGetProperty(method.ToLowerInvariant(), out var operation))
        {
            return [];
        }
        var key = status.ToString(CultureInfo.InvariantCulture);
        if (!operation.GetProperty("responses").TryGetProperty(key, out var reply))
        {
            return [$"{key} is not described: {body}"];
        }
        var described = reply.TryGetProperty("headers", out var known)
            ? known.EnumerateObject().Select(header => header.Name).ToArray()
            : [];
        var differences = headers.Where(IsOurs).Except(described, StringComparer.OrdinalIgnoreCase)
            .Select(header => $"{key} has the header {header}, which is not described").ToList();
        if (body.Length == 0)
        {
            return differences;
        }
        if (mediaType is null || !reply.TryGetProperty("content", out var content)
            || !content.TryGetProperty(mediaType, out var media))
        {
            return [.. differences, $"{key} is {mediaType}, which is not described: {body}"];
        }
        if (mediaType is "application/json" or "application/problem+json")
        {
            using var json = JsonDocument.Parse(body);
            differences.AddRange(FindFaults(media.GetProperty("schema"), json.RootElement)
                .Select(fault => $"{key}: {fault}"));
        }
        return differences;
    }

    private static bool IsOurs(string header) =>
        header.StartsWith("Heimdall-", StringComparison.OrdinalIgnoreCase)
        || header.ToUpperInvariant() is "LOCATION" or "RETRY-AFTER" or "ETAG" or "LINK" or "PREFERENCE-APPLIED"
            or "IDEMPOTENCY-REPLAYED" or "WWW-AUTHENTICATE";

    private static Regex ToPattern(string path) => new($"^{Parameter().Replace(
        Regex.Escape(path), match => match.Groups[1].Value == "path" ? ".+" : "[^/]+")}$");

    [GeneratedRegex(@"\\\{(\w+)}")]
    private static partial Regex Parameter();
}
