using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Cli;

/// <summary>A value of a query, as it is typed.</summary>
internal static class ParameterOption
{
    /// <summary>Only these are types before a colon: <c>http://…</c> is a text.</summary>
    private static readonly HashSet<string> _types =
    [
        "bool", "int2", "int4", "int8", "numeric", "float4", "float8", "text", "varchar", "bytea", "uuid", "date",
        "time", "timetz", "timestamp", "timestamptz", "interval", "json", "jsonb", "inet", "cidr",
    ];

    private const string Secret = "secret:";

    /// <summary>The same, or <c>secret:</c> with the source of a secret.</summary>
    public static async Task<JsonNode?> ReadAsync(Terminal terminal, string text) =>
        text.StartsWith(Secret, StringComparison.Ordinal)
            ? new JsonObject
            {
                ["value"] = await SecretSource.ReadAsync(terminal, "--param", text[Secret.Length..]),
                ["secret"] = true,
            }
            : Read(text);

    /// <summary>
    /// A JSON number, <c>true</c>, <c>false</c> and <c>null</c> are themselves, <c>type:text</c> has a type, and all
    /// else is text.
    /// </summary>
    public static JsonNode? Read(string text)
    {
        if (text.Split(':', 2) is [var type, var value] && IsType(type))
        {
            return new JsonObject { ["type"] = type, ["value"] = value };
        }
        try
        {
            return JsonNode.Parse(text) switch
            {
                null => null,
                JsonValue node when node.GetValueKind() != JsonValueKind.String => node, // a number keeps its digits
                _ => JsonValue.Create(text),
            };
        }
        catch (JsonException)
        {
            return JsonValue.Create(text); // such as 2026-01-31 and 007
        }
    }

    private static bool IsType(string text) =>
        _types.Contains(text.EndsWith("[]", StringComparison.Ordinal) ? text[..^2] : text);
}
