using System.Text.Json;

namespace Heimdall.Core.Configuration.Yaml;

/// <summary>JSON as the tree that a configuration file is read into: so both are read by the same rules.</summary>
internal static class JsonTree
{
    private const int Line = 1; // what is sent has no lines that anybody counts

    public static YamlNode Of(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new YamlMap(
            Line,
            [
                .. element.EnumerateObject().Select(member =>
                    new YamlEntry(new YamlScalar(Line, member.Name, IsPlain: false), Of(member.Value))),
            ]),
        JsonValueKind.Array => new YamlList(Line, [.. element.EnumerateArray().Select(Of)]),
        JsonValueKind.String => new YamlScalar(Line, element.GetString()!, IsPlain: false),
        _ => new YamlScalar(Line, element.GetRawText(), IsPlain: true),
    };
}
