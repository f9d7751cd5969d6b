using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Core.Catalog;

/// <summary>A hook that is notified when a job ends.</summary>
/// <param name="Hook">The id of a receiver in the configuration.</param>
/// <param name="On">The statuses that it is notified of; empty: every end.</param>
public sealed record EndHook(string Hook, IReadOnlyList<string> On)
{
    private const string HookField = "hook";
    private const string OnField = "on";

    /// <returns>As the store keeps them; null for none.</returns>
    public static string? Write(IReadOnlyList<EndHook> hooks) => hooks.Count == 0 ? null : ToJson(hooks).ToJsonString();

    public static IReadOnlyList<EndHook> Read(string text) =>
    [
        .. JsonNode.Parse(text)!.AsArray().OfType<JsonObject>().Select(entry => new EndHook(
            entry[HookField]!.GetValue<string>(), entry[OnField]?.Deserialize<string[]>() ?? [])),
    ];

    /// <summary>Of a hook that is named more than once each status counts.</summary>
    public static IReadOnlyList<EndHook> Merge(IEnumerable<EndHook> hooks) =>
    [
        .. hooks.GroupBy(hook => hook.Hook, StringComparer.Ordinal).Select(same => new EndHook(
            same.Key, same.Any(hook => hook.On.Count == 0) ? [] : [.. same.SelectMany(hook => hook.On).Distinct()])),
    ];

    private static JsonArray ToJson(IReadOnlyList<EndHook> hooks)
    {
        var list = new JsonArray();
        foreach (var hook in hooks)
        {
            var entry = new JsonObject { [HookField] = hook.Hook };
            if (hook.On.Count > 0)
            {
                entry[OnField] = new JsonArray([.. hook.On.Select(status => JsonValue.Create(status))]);
            }
            list.Add((JsonNode)entry);
        }
        return list;
    }
}
