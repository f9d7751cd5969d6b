using System.Globalization;
using System.Text.Json;

namespace Heimdall.Tests.Descriptions;

/// <summary>
/// Compares values with schemas of a document. Stricter than JSON Schema: a member that an object's schema does not
/// list is a fault, unless the schema says what other members are. A keyword that it does not know is an error.
/// </summary>
internal sealed class SchemaCheck(JsonElement document)
{
    private static readonly string[] _known =
    [
        "$ref", "anyOf", "type", "enum", "format", "properties", "required", "additionalProperties", "items", "minimum",
        "maximum", "exclusiveMinimum", "minLength", "maxLength", "minItems", "maxItems", "description", "default",
    ];

    /// <summary>The element that a reference names, or the element itself.</summary>
    public JsonElement Follow(JsonElement element)
    {
        while (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("$ref", out var reference))
        {
            element = reference.GetString()!.Split('/').Skip(1)
                .Aggregate(document, (parent, name) => parent.GetProperty(name));
        }
        return element;
    }

    public IReadOnlyList<string> FindFaults(JsonElement schema, JsonElement value) => [.. Check(schema, value, "$")];

    private IEnumerable<string> Check(JsonElement named, JsonElement value, string place)
    {
        var schema = Follow(named);
        if (schema.EnumerateObject().Select(keyword => keyword.Name).Except(_known).FirstOrDefault() is { } unknown)
        {
            throw new NotSupportedException($"The check does not know {unknown} at {place}.");
        }
        if (schema.TryGetProperty("anyOf", out var alternatives))
        {
            var faults = alternatives.EnumerateArray().Select(one => Check(one, value, place).ToArray())
                .MinBy(found => found.Length)!;
            foreach (var fault in faults)
            {
                yield return fault;
            }
        }
        if (!HasType(schema, value))
        {
            yield return $"{place} is {value.ValueKind}, not {schema.GetProperty("type")}";
            yield break;
        }
        if (schema.TryGetProperty("enum", out var words)
            && words.EnumerateArray().All(word => word.GetString() != value.ToString()))
        {
            yield return $"{place} is {value}, which is not among {words}";
        }
        if (schema.TryGetProperty("format", out var format) && !HasFormat(format.GetString()!, value))
        {
            yield return $"{place} is {value}, which is no {format}";
        }
        foreach (var fault in CheckBounds(schema, value, place))
        {
            yield return fault;
        }
        var inside = value.ValueKind switch
        {
            JsonValueKind.Object => CheckMembers(schema, value, place),
            JsonValueKind.Array when schema.TryGetProperty("items", out var items) =>
                value.EnumerateArray().Index().SelectMany(item => Check(items, item.Item, $"{place}[{item.Index}]")),
            _ => [],
        };
        foreach (var fault in inside)
        {
            yield return fault;
        }
    }

    private IEnumerable<string> CheckMembers(JsonElement schema, JsonElement value, string place)
    {
        if (schema.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray().Select(name => name.GetString()!)
                .Where(name => !value.TryGetProperty(name, out _)))
            {
                yield return $"{place}.{name} is missing";
            }
        }
        var hasOthers = schema.TryGetProperty("additionalProperties", out var others);
        var lists = schema.TryGetProperty("properties", out var properties);
        foreach (var member in value.EnumerateObject().Where(_ => lists || hasOthers))
        {
            var faults = lists && properties.TryGetProperty(member.Name, out var known)
                ? Check(known, member.Value, $"{place}.{member.Name}")
                : hasOthers ? Check(others, member.Value, $"{place}.{member.Name}")
                : [$"{place}.{member.Name} is not described: {member.Value}"];
            foreach (var fault in faults)
            {
                yield return fault;
            }
        }
    }

    private static IEnumerable<string> CheckBounds(JsonElement schema, JsonElement value, string place)
    {
        double? size = value.ValueKind switch
        {
            JsonValueKind.Number => value.GetDouble(),
            JsonValueKind.String => value.GetString()!.Length,
            JsonValueKind.Array => value.GetArrayLength(),
            _ => null,
        };
        (string Keyword, Func<double, double, bool> Holds)[] bounds =
        [
            ("minimum", (found, bound) => found >= bound), ("maximum", (found, bound) => found <= bound),
            ("exclusiveMinimum", (found, bound) => found > bound), ("minLength", (found, bound) => found >= bound),
            ("maxLength", (found, bound) => found <= bound), ("minItems", (found, bound) => found >= bound),
            ("maxItems", (found, bound) => found <= bound),
        ];
        return bounds
            .Where(bound => size is { } found && schema.TryGetProperty(bound.Keyword, out var limit)
                && !bound.Holds(found, limit.GetDouble()))
            .Select(bound => $"{place} is {size}: {bound.Keyword} does not hold");
    }

    private static bool HasType(JsonElement schema, JsonElement value)
    {
        if (!schema.TryGetProperty("type", out var type))
        {
            return true;
        }
        var names = type.ValueKind == JsonValueKind.Array
            ? type.EnumerateArray().Select(one => one.GetString()!)
            : [type.GetString()!];
        return names.Any(name => name switch
        {
            "string" => value.ValueKind == JsonValueKind.String,
            "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
            "number" => value.ValueKind == JsonValueKind.Number,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "object" => value.ValueKind == JsonValueKind.Object,
            "array" => value.ValueKind == JsonValueKind.Array,
            "null" => value.ValueKind == JsonValueKind.Null,
            _ => throw new NotSupportedException($"The check does not know the type {name}."),
        });
    }

    private static bool HasFormat(string format, JsonElement value) => format switch
    {
        "uuid" => value.TryGetGuid(out _),
        "date-time" => value.GetString()!.EndsWith('Z')
            && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, out _),
        "int32" => value.TryGetInt32(out _),
        "int64" => value.TryGetInt64(out _),
        "double" => value.TryGetDouble(out _),
        "binary" => true,
        _ => throw new NotSupportedException($"The check does not know the format {format}."),
    };
}
