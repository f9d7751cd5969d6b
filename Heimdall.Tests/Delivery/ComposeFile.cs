using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using YamlDotNet.RepresentationModel;

namespace Heimdall.Tests.Delivery;

/// <summary>compose.yaml, as an engine would read it.</summary>
internal static partial class ComposeFile
{
    private const string Merged = "<<";

    /// <summary>The services by name, each with what it merges in (<c>&lt;&lt;: *heimdall</c>).</summary>
    public static Dictionary<string, YamlMappingNode> Services { get; } =
        ((YamlMappingNode)Load()["services"]).Children
            .ToDictionary(service => service.Key.ToString(), service => Merge((YamlMappingNode)service.Value));

    public static string[] List(YamlMappingNode service, string key) =>
        service.Children.TryGetValue(key, out var list) && list is YamlSequenceNode items
            ? [.. items.Select(item => item.ToString())]
            : [];

    /// <summary>The environment of a service, its variables taken from <c>.env</c>.</summary>
    public static Dictionary<string, string> EnvironmentOf(string service, Dictionary<string, string> dotenv) =>
        ((YamlMappingNode)Services[service]["environment"]).Children.ToDictionary(
            variable => variable.Key.ToString(),
            variable => VariableIn(variable.Value.ToString()) is { } name ? dotenv[name] : variable.Value.ToString());

    /// <summary>The name in <c>${NAME:?why it is needed}</c>; null where there is none.</summary>
    public static string? VariableIn(string text) =>
        Variable().Match(text) is { Success: true } match ? match.Groups["name"].Value : null;

    private static YamlMappingNode Load()
    {
        var yaml = new YamlStream();
        using var text = new StringReader(Repository.Read("compose.yaml"));
        yaml.Load(text);
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }

    private static YamlMappingNode Merge(YamlMappingNode service)
    {
        if (!service.Children.TryGetValue(Merged, out var shared))
        {
            return service;
        }
        var own = service.Children.Where(child => child.Key.ToString() != Merged);
        var others = ((YamlMappingNode)shared).Children.Where(child => !service.Children.ContainsKey(child.Key));
        return new YamlMappingNode(own.Concat(others));
    }

    [GeneratedRegex(@"^\$\{(?<name>\w+):\?")]
    private static partial Regex Variable();
}
