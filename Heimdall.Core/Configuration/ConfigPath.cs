using System.Text.Json;
using System.Text.RegularExpressions;

namespace Heimdall.Core.Configuration;

/// <summary>Spells the paths of validation failures as YAML and JSON do.</summary>
public static partial class ConfigPath
{
    /// <summary>
    /// <c>Clusters[0].ClusterTags[1]</c> becomes <c>clusters[0].cluster_tags[1]</c>. What lies inside a context is the
    /// plugin's own spelling and stays, and so does a category of the log.
    /// </summary>
    public static string FromProperty(string property)
    {
        var context = ContextStart().Match(property);
        var ours = context.Success ? context.Index : property.Length;

        return Name().Replace(property[..ours], name => JsonNamingPolicy.SnakeCaseLower.ConvertName(name.Value)) + property[ours..];
    }

    internal static string Join(string parent, string child) => (parent, child) switch
    {
        ("", _) => child,
        (_, "") => parent,
        _ when child[0] == '[' => parent + child,
        _ => $"{parent}.{child}",
    };

    /// <summary>What holds the thing at this path; empty for the whole file.</summary>
    internal static string Parent(string path) => path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))];

    [GeneratedRegex(@"\b(context[.\[]|levels\.)")]
    private static partial Regex ContextStart();

    [GeneratedRegex("[A-Za-z]+")]
    private static partial Regex Name();
}
