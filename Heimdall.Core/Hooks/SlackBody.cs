using System.Text.Json;
using System.Text.Json.Nodes;

namespace Heimdall.Core.Hooks;

/// <summary>
/// The body of an incoming webhook of Slack. Mattermost, Rocket.Chat, Discord's <c>/slack</c> addresses and others take
/// the same.
/// </summary>
internal static class SlackBody
{
    private const char NoSpace = '\u200b';

    public static byte[] Of(HookMessage message, string? publicUrl)
    {
        var text = $"*{Escape(HookText.OneLine(HookText.Title(message)))}*\n"
            + Escape(HookText.Details(message, publicUrl: null))
            + (message.PageOf(publicUrl) is { } page ? $"See: {page}" : "");
        return JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["text"] = text.TrimEnd('\n') });
    }

    /// <summary>
    /// The first three make links, mentions and commands: https://docs.slack.dev/messaging/formatting-message-text
    /// Others that take the same body know Markdown and names after <c>@</c>. All link what looks like a URL. So a
    /// space that nobody sees stands where each of these begins.
    /// </summary>
    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal)
            .Replace("@", $"@{NoSpace}", StringComparison.Ordinal)
            .Replace("://", $":{NoSpace}//", StringComparison.Ordinal)
            .Replace("](", $"]{NoSpace}(", StringComparison.Ordinal);
}
