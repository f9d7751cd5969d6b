using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Writes values as PostgreSQL's text: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO. Numbers keep
/// every digit, and a string is the text of a value of any type, also of <c>jsonb</c>.
/// </summary>
internal static class ParameterText
{
    private static readonly JsonSerializerOptions Relaxed =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// True of a value whose text depends on its type: an array is JSON to json, and <c>{…}</c> to all others.
    /// </summary>
    public static bool DependsOnType(JsonNode? value) => value is JsonArray;

    /// <returns>UTF-8; null for NULL.</returns>
    public static byte[]? Write(JsonNode? value, uint type) => value switch
    {
        null => null,
        JsonArray items when type is not (ParameterTypes.Json or ParameterTypes.Jsonb) =>
            Encoding.UTF8.GetBytes(ToArray(items.Select(ToElement))),
        JsonValue text when text.GetValueKind() == JsonValueKind.String =>
            Encoding.UTF8.GetBytes(text.GetValue<string>()),
        _ => Encoding.UTF8.GetBytes(value.ToJsonString(Relaxed)),
    };

    private static string ToArray(IEnumerable<string> elements) => $"{{{string.Join(',', elements)}}}";

    private static string ToElement(JsonNode? item) => item switch
    {
        null => "NULL",
        JsonArray inner => ToArray(inner.Select(ToElement)),
        JsonObject json => Quote(json.ToJsonString(Relaxed)),
        JsonValue text when text.GetValueKind() == JsonValueKind.String => Quote(text.GetValue<string>()),
        _ => item.ToJsonString(),
    };

    private static string Quote(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
