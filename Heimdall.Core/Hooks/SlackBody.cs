using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Core.Hooks;

/// <summary>
/// The body of an incoming webhook of Slack. Mattermost, Rocket.Chat, Discord's <c>/slack</c> addresses and others take
/// the same.
/// </summary>
internal static class SlackBody
{
    public static byte[] Of(HookMessage message, string? publicUrl)
    {
        var text = $"*{Escape(HookText.OneLine(HookText.Title(message)))}*\n"
            + Escape(HookText.Details(message, publicUrl));
        return JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["text"] = text.TrimEnd('\n') });
    }

    /// <summary>
    /// These three make links, mentions and commands: https://docs.slack.dev/messaging/formatting-message-text
    /// </summary>
    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal);
}
