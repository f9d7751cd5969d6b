using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>
/// Reads <c>parameters</c>: an array for <c>$1</c>, <c>$2</c>, …, or an object for <c>:name</c>. Each is a bare JSON value, or an object of
/// <c>value</c> with <c>type</c> and, in an array, <c>name</c>. An object without <c>value</c> is itself the value.
/// </summary>
internal static partial class ParameterReader
{
    private const string Field = "parameters";

    // Bind counts them in 16 bits.
    private const int Most = 65_535;

    public static IReadOnlyList<QueryParameter> Read(JsonNode? node, ContextReader reader)
    {
        List<QueryParameter> parameters;
        switch (node)
        {
            case null:
                return [];
            case JsonArray values:
                parameters = [.. values.Select((value, index) => Read($"{Field}[{index}]", name: null, value, reader))];
                break;
            case JsonObject values:
                parameters = [.. values.Select(pair => Read($"{Field}.{pair.Key}", pair.Key, pair.Value, reader))];
                break;
            default:
                reader.Report(Field, "must be an array of values for $1, $2, …, or an object of values for :name.");
                return [];
        }

        CheckNames(parameters, reader);
        if (parameters.Count > Most)
        {
            reader.Report(Field, $"has {parameters.Count} values; PostgreSQL takes at most {Most}.");
        }

        return parameters;
    }

    private static QueryParameter Read(string path, string? name, JsonNode? node, ContextReader reader)
    {
        if (node is not JsonObject described || !described.ContainsKey("value"))
        {
            CheckText(path, node, reader);
            return new QueryParameter(path, name, Type: null, node);
        }

        foreach (var (member, _) in described.Where(member => member.Key is not ("name" or "type" or "value")))
        {
            reader.Report(
                $"{path}.{member}",
                "is no member of a parameter, which has value, type and name; "
                + "an object with a member value that is itself the value stands in a value of its own: {\"value\": {…}}.");
        }

        if (name is not null && described.ContainsKey("name"))
        {
            reader.Report(path, "has its name already, before the colon; a name belongs to the values of an array.");
        }

        CheckText($"{path}.value", described["value"], reader);
        return new QueryParameter(
            path, name ?? TextOf(described, "name", path, reader), TypeOf(described, path, reader), described["value"]);
    }

    /// <summary>The server is sent a type's number, which holds no length and no precision.</summary>
    private static string? TypeOf(JsonObject described, string path, ContextReader reader)
    {
        var type = TextOf(described, "type", path, reader);
        if (type is null || !Modifier().IsMatch(QuotedName().Replace(type, "")))
        {
            return type;
        }

        reader.Report(
            $"{path}.type",
            $"{type} has a length, a precision or fields, which a parameter's type does not hold; "
            + $"name the type alone, and write $1::{type} in the query.");
        return null;
    }

    private static string? TextOf(JsonObject described, string member, string path, ContextReader reader)
    {
        if (described[member] is not { } node)
        {
            return null;
        }

        if (node.GetValueKind() == JsonValueKind.String && node.GetValue<string>() is { } text && !string.IsNullOrWhiteSpace(text) && !text.Contains('\0'))
        {
            return text;
        }

        reader.Report($"{path}.{member}", "must be a string that is not blank.");
        return null;
    }

    private static void CheckNames(List<QueryParameter> parameters, ContextReader reader)
    {
        var named = parameters.Where(parameter => parameter.Name is not null).ToArray();
        if (named.Length > 0 && named.Length < parameters.Count)
        {
            reader.Report(Field, "has values with a name and values without; either all have one, for :name, or none has, for $1.");
        }

        foreach (var parameter in named.Where(parameter => !ScriptVariables.IsName(parameter.Name!)))
        {
            reader.Report(parameter.Path, $"\"{parameter.Name}\" is no name of a parameter: letters, digits and underscores.");
        }

        foreach (var twice in named.GroupBy(parameter => parameter.Name).Where(group => group.Count() > 1))
        {
            reader.Report(twice.Last().Path, $"the name \"{twice.Key}\" is there twice.");
        }
    }

    private static void CheckText(string path, JsonNode? node, ContextReader reader)
    {
        switch (node)
        {
            case JsonArray items:
                for (var i = 0; i < items.Count; i++)
                {
                    CheckText($"{path}[{i}]", items[i], reader);
                }

                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String && value.GetValue<string>().Contains('\0'):
                reader.Report(path, "holds a NUL character, which PostgreSQL does not take.");
                break;
        }
    }

    [GeneratedRegex("\"([^\"]|\"\")*\"")]
    private static partial Regex QuotedName();

    [GeneratedRegex(@"\(|^\s*interval\s+(year|month|day|hour|minute|second)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Modifier();
}
