using System.Text.Json.Nodes;

namespace Heimdall.Core.Configuration;

/// <summary>What both processes write to stdout.</summary>
public sealed record LoggingConfig
{
    /// <summary>One line of text for each event.</summary>
    public const string Text = "text";

    /// <summary>One JSON object in a line for each event.</summary>
    public const string Json = "json";

    /// <summary>The category that stands for all others.</summary>
    public const string AllOthers = "default";

    /// <summary><c>text</c> or <c>json</c>. Default: text.</summary>
    public string Format { get; init; } = Text;

    /// <summary>
    /// The lowest level that is written, by category or the beginning of one; <c>default</c> is for all others.
    /// Default: what <c>HostLogging</c> sets.
    /// </summary>
    public JsonObject Levels { get; init; } = [];
}
