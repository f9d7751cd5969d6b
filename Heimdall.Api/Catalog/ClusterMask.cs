using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Catalog;

/// <summary>What stands for the secrets of a cluster where its definition is shown, and is sent to keep them.</summary>
internal static class ClusterMask
{
    public const string Text = "***";

    /// <param name="context">How to reach the cluster.</param>
    /// <param name="plugin">It knows what is no secret; null: everything may be one.</param>
    public static JsonObject Hide(JsonObject context, IPlugin? plugin) => new(context.Select(field =>
        KeyValuePair.Create(field.Key, plugin?.IsSecret(field.Key) == false ? field.Value?.DeepClone() : Text)));

    /// <summary>The fields that are to stay as they are.</summary>
    public static string[] FieldsIn(JsonObject context) => FieldsOf(context, text => text == Text);

    /// <summary>The fields of which only a part is hidden, as nothing here shows them.</summary>
    public static string[] FieldsWithMaskInside(JsonObject context) =>
        FieldsOf(context, text => text != Text && text.Contains(Text, StringComparison.Ordinal));

    private static string[] FieldsOf(JsonObject context, Predicate<string> matches) =>
    [
        .. context.Where(field => field.Value?.GetValueKind() == JsonValueKind.String
            && matches(field.Value.GetValue<string>())).Select(field => field.Key),
    ];
}
