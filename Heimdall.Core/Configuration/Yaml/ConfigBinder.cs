using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Heimdall.Core.Configuration.Yaml;

/// <summary>
/// Fills the configuration records from a YAML tree. What cannot be read is reported and leaves the record's default,
/// so that the rest is still read. A key without a value counts as left out.
/// </summary>
internal sealed partial class ConfigBinder(ConfigProblemList problems)
{
    public HeimdallConfig Bind(YamlNode root) => (HeimdallConfig)Read(typeof(HeimdallConfig), root, "")!;

    /// <summary>The same of a part of it.</summary>
    public T Bind<T>(YamlNode root)
        where T : class, new() => (T?)Read(typeof(T), root, "") ?? new T();

    /// <summary>The keys of a record and the properties they fill.</summary>
    internal static IReadOnlyDictionary<string, PropertyInfo> KeysOf(Type record) =>
        record.GetProperties().Where(property => property.CanWrite).ToDictionary(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));

    /// <summary>Null for what is absent or could not be read: the place keeps its default.</summary>
    private object? Read(Type type, YamlNode node, string path) => (type, node) switch
    {
        (_, YamlScalar { IsNull: true }) => null,
        ({ IsArray: true }, YamlList list) => ReadList(type.GetElementType()!, list, path),
        ({ IsArray: true }, _) => Unread(path, "must be a list"),
        (_, YamlMap map) when type == typeof(JsonObject) => ReadContext(map, path),
        (_, YamlMap map) when IsRecord(type) => ReadRecord(type, map, path),
        _ when type == typeof(JsonObject) || IsRecord(type) => Unread(path, "must be a mapping of keys to values"),
        (_, YamlScalar scalar) => ReadScalar(type, scalar, path),
        _ => Unread(path, $"{Expected(type)}, not a {(node is YamlList ? "list" : "mapping")}"),
    };

    private object ReadRecord(Type type, YamlMap map, string path)
    {
        var record = Activator.CreateInstance(type)!;
        var keys = KeysOf(type);

        foreach (var (key, value) in ReadKeys(map, path))
        {
            var place = ConfigPath.Join(path, key);

            if (!keys.TryGetValue(key, out var property))
            {
                problems.Add(place, $"is not a known key; known here: {string.Join(", ", keys.Keys)}");
            }
            else if (Read(property.PropertyType, value, place) is { } found)
            {
                property.SetValue(record, found);
            }
        }

        return record;
    }

    private Array ReadList(Type itemType, YamlList list, string path)
    {
        var items = Array.CreateInstance(itemType, list.Items.Count);

        for (var index = 0; index < items.Length; index++)
        {
            var place = Locate($"{path}[{index}]", list.Items[index]);
            items.SetValue(Read(itemType, list.Items[index], place) ?? Empty(itemType), index);
        }

        return items;
    }

    private object? ReadScalar(Type property, YamlScalar scalar, string path)
    {
        var type = Nullable.GetUnderlyingType(property) ?? property;
        object? value = type switch
        {
            _ when type == typeof(string) => scalar.Text,
            _ when type == typeof(TimeSpan) => Duration.Read(scalar.Text),
            _ when type == typeof(DateTimeOffset) => Timestamp.TryRead(scalar.Text, out var time) ? time : null,
            _ when !scalar.IsPlain => null,
            _ when type == typeof(bool) => CoreSchema.ReadBoolean(scalar.Text),
            _ when type == typeof(int) => CoreSchema.ReadInteger(scalar.Text) is { } number && Fits(number, int.MinValue, int.MaxValue) ? (int)number : null,
            _ when type == typeof(long) => CoreSchema.ReadInteger(scalar.Text) is { } number && Fits(number, long.MinValue, long.MaxValue) ? (long)number : null,
            _ => throw new NotSupportedException($"A configuration record has a property of type {type}, which the binder cannot read."),
        };

        return value ?? Unread(path, Expected(type));
    }

    /// <summary>
    /// Written out and parsed again, so that numbers convert to whatever type the plugin asks for,
    /// just as they do in a context that came as JSON.
    /// </summary>
    private JsonObject ReadContext(YamlMap map, string path) => JsonNode.Parse(ReadJsonObject(map, path).ToJsonString())!.AsObject();

    private JsonNode? ReadJson(YamlNode node, string path)
    {
        switch (node)
        {
            case YamlMap map:
                return ReadJsonObject(map, path);
            case YamlList list:
                return new JsonArray([.. list.Items.Select((item, index) => ReadJson(item, Locate($"{path}[{index}]", item)))]);
            default:
                try
                {
                    return CoreSchema.ToJson((YamlScalar)node);
                }
                catch (FormatException)
                {
                    Unread(path, "is a number that JSON cannot hold; write it in quotes if text is meant");
                    return null;
                }
        }
    }

    private JsonObject ReadJsonObject(YamlMap map, string path)
    {
        var result = new JsonObject();

        foreach (var (key, value) in ReadKeys(map, path))
        {
            result[key] = ReadJson(value, ConfigPath.Join(path, key));
        }

        return result;
    }

    /// <summary>The entries of a mapping, each key once. Of a key that is written twice the first counts.</summary>
    private IEnumerable<(string Key, YamlNode Value)> ReadKeys(YamlMap map, string path)
    {
        var seen = new HashSet<string>();

        foreach (var (keyNode, value) in map.Entries)
        {
            // A key like "connection_string:postgresql://me:secret@…" is a value with a blank missing before it: it is not shown.
            if (keyNode is not YamlScalar { Text: var key } || !Key().IsMatch(key))
            {
                problems.Add(path, "holds a key that is not a plain word (is a blank missing after a colon?)", keyNode.Line);
            }
            else if (!seen.Add(key))
            {
                problems.Add(ConfigPath.Join(path, key), "is written twice", keyNode.Line);
            }
            else
            {
                Locate(ConfigPath.Join(path, key), keyNode);
                yield return (key, value);
            }
        }
    }

    private string Locate(string path, YamlNode node)
    {
        problems.Locate(path, node.Line);
        return path;
    }

    private object? Unread(string path, string message)
    {
        problems.AddUnread(path, message);
        return null;
    }

    private static string Expected(Type type) => type switch
    {
        _ when type == typeof(bool) => "must be true or false",
        _ when type == typeof(TimeSpan) => Duration.Expected,
        _ when type == typeof(DateTimeOffset) => Timestamp.Expected,
        _ when type == typeof(int) => string.Create(CultureInfo.InvariantCulture, $"must be a whole number up to {int.MaxValue}"),
        _ when type == typeof(long) => string.Create(CultureInfo.InvariantCulture, $"must be a whole number up to {long.MaxValue}"),
        _ => "must be text",
    };

    private static bool Fits(BigInteger number, long smallest, long largest) => number >= smallest && number <= largest;

    private static bool IsRecord(Type type) => type.Namespace == typeof(HeimdallConfig).Namespace;

    private static object? Empty(Type type) => type == typeof(string) ? "" : Activator.CreateInstance(type);

    [GeneratedRegex(@"^[\w.-]+\z")]
    private static partial Regex Key();
}
