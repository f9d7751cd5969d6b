using System.Text;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Hooks;

/// <summary>A message in words, for people.</summary>
internal static class HookText
{
    /// <summary>What happened, in one line.</summary>
    public static string Title(HookMessage message) => message.Event switch
    {
        HookEvents.JobEnded =>
            $"{message.Text("status")}: job {message.Text("name")} on {message.Text("cluster_name")}",
        HookEvents.Test => $"Test of hook {message.Text("hook")}",
        _ => message.Text("summary") ?? message.Event,
    };

    /// <summary>What else is known of it, a fact in each line.</summary>
    public static string Details(HookMessage message, string? publicUrl)
    {
        var text = new StringBuilder();
        if (message.Event == HookEvents.JobEnded)
        {
            Add("Error", message.Text("error"), message.Text("sqlstate"));
            Add("Command", message.Text("command_name"));
            Add("User", message.Text("user"));
            Add("Schedule", message.Text("schedule"));
            Add("Started", message.Text("started_at"));
            Add("Ended", message.Text("finished_at"));
            Add("Job", message.Text("id"));
        }
        else
        {
            Add("Reason", message.Text("reason"));
            Add("Since", message.Text("since"));
        }
        Add("See", message.PageOf(publicUrl));
        return text.ToString();

        void Add(string name, string? value, string? code = null)
        {
            if (value is not null)
            {
                text.Append(name).Append(": ").Append(OneLine(value));
                text.Append(code is null ? "" : $" [{code}]").Append('\n');
            }
        }
    }

    /// <summary>Names and errors are other people's text: none of them makes a line or a header of its own.</summary>
    public static string OneLine(string text) =>
        string.Concat(text.Select(character => BreaksLine(character) ? ' ' : character));

    /// <summary>The beginning of a text, without half of a character at its end.</summary>
    public static string Cut(string text, int length) => text.Length <= length ? text
        : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    /// <summary>Also those that turn the direction of what follows.</summary>
    private static bool BreaksLine(char character) => char.IsControl(character)
        || character is '\u2028' or '\u2029' or '\u061c' or '\u200e' or '\u200f'
            or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
