using System.Text.Json;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Serialization;

/// <summary>
/// Finds strings that are JSON by its grammar but no text: half of a surrogate pair, bytes that are not UTF-8. Whoever reads
/// one gets an exception, so they are looked for before anybody does.
/// </summary>
internal static class UnreadableText
{
    private const string Why = "Not valid Unicode.";

    /// <param name="element">Where to look.</param>
    /// <param name="path">Where that stands in the body; empty for the body itself.</param>
    public static IEnumerable<ContextProblem> Find(JsonElement element, string path) => element.ValueKind switch
    {
        JsonValueKind.String => Read(element.GetString) is null ? [new(NameOf(path), Why)] : [],
        JsonValueKind.Array => element.EnumerateArray().SelectMany((item, index) => Find(item, $"{path}[{index}]")),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(field => FindInField(field, path)),
        _ => [],
    };

    private static IEnumerable<ContextProblem> FindInField(JsonProperty field, string path) => Read(() => field.Name) is { } name
        ? Find(field.Value, path.Length == 0 ? name : $"{path}.{name}")
        : [new(NameOf(path), "The name of a field is not valid Unicode.")];

    private static string NameOf(string path) => path.Length == 0 ? "body" : path;

    private static string? Read(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return null; // the only way in which the reader tells
        }
    }
}
