using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Configuration;

/// <summary>
/// Replaces <c>${env:NAME}</c> and <c>${file:/path}</c> inside strings by what they stand for; <c>$${</c> is a plain <c>${</c>.
/// Configuration and tables keep the references: resolve where a secret is used, and forget it.
/// </summary>
public static partial class SecretReferences
{
    /// <summary>Replaces every reference. A file's last line break is not part of the secret.</summary>
    /// <exception cref="SecretReferenceException">A reference stands for nothing. Only the reference is named.</exception>
    public static string Resolve(string text) => Reference().Replace(text, reference => reference switch
    {
        { Value: "$${" } => "${",
        _ when reference.Groups["env"] is { Success: true } name => ReadVariable(reference.Value, name.Value),
        _ when reference.Groups["file"] is { Success: true } path => ReadFile(reference.Value, path.Value),
        // What follows may be part of a password: it is not shown.
        _ => throw new SecretReferenceException("a ${ must begin ${env:NAME} or ${file:/path}; write $${ for a plain ${"),
    });

    /// <summary>Copies a context, with every string of it resolved.</summary>
    /// <exception cref="SecretReferenceException">A reference stands for nothing. Only the reference is named.</exception>
    public static JsonObject ResolveAll(JsonObject context) => ResolveNode(context)!.AsObject();

    /// <summary>Finds every string of a context that cannot be resolved.</summary>
    public static IEnumerable<ContextProblem> Check(JsonObject context) => Strings(context, "").SelectMany(found => Check(found.Path, found.Text));

    /// <summary>
    /// Finds every string of what somebody sent that refers to this process's variables or files. A name may be there
    /// twice.
    /// </summary>
    public static IEnumerable<string> FindPaths(JsonElement sent, string path) => sent.ValueKind switch
    {
        JsonValueKind.Object =>
            sent.EnumerateObject().SelectMany(member => FindPaths(member.Value, ConfigPath.Join(path, member.Name))),
        JsonValueKind.Array => sent.EnumerateArray().SelectMany((item, index) => FindPaths(item, $"{path}[{index}]")),
        JsonValueKind.String when Reference().Matches(sent.GetString()!)
            .Any(reference => reference.Groups["env"].Success || reference.Groups["file"].Success) => [path],
        _ => [],
    };

    private static IEnumerable<ContextProblem> Check(string path, string text)
    {
        try
        {
            Resolve(text);
            return [];
        }
        catch (SecretReferenceException e)
        {
            return [new ContextProblem(path, e.Message)];
        }
    }

    private static JsonNode? ResolveNode(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.Select(entry => KeyValuePair.Create(entry.Key, ResolveNode(entry.Value)))),
        JsonArray list => new JsonArray([.. list.Select(ResolveNode)]),
        JsonValue value when value.TryGetValue<string>(out var text) => Resolve(text),
        _ => node?.DeepClone(),
    };

    private static IEnumerable<(string Path, string Text)> Strings(JsonNode? node, string path) => node switch
    {
        JsonObject map => map.SelectMany(entry => Strings(entry.Value, ConfigPath.Join(path, entry.Key))),
        JsonArray list => list.SelectMany((item, index) => Strings(item, $"{path}[{index}]")),
        JsonValue value when value.TryGetValue<string>(out var text) => [(path, text)],
        _ => [],
    };

    private static string ReadVariable(string reference, string name) =>
        Environment.GetEnvironmentVariable(name) ?? throw new SecretReferenceException($"{reference}: the environment variable is not set");

    private static string ReadFile(string reference, string path)
    {
        try
        {
            var content = File.ReadAllText(path);
            return content.EndsWith("\r\n", StringComparison.Ordinal) ? content[..^2]
                : content.EndsWith('\n') ? content[..^1]
                : content;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SecretReferenceException($"{reference}: the file does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SecretReferenceException($"{reference}: the file cannot be read");
        }
    }

    [GeneratedRegex(@"\$\$\{|\$\{(env:(?<env>[A-Za-z_][A-Za-z0-9_]*)\}|file:(?<file>/[^}\0]*)\})?")]
    private static partial Regex Reference();
}
