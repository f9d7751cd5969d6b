using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Errors;

/// <summary>The statement that ran when an error came, and where it stands in what the caller sent.</summary>
internal sealed record ErrorPlace
{
    public static ErrorPlace None { get; } = new() { Text = "" };

    /// <summary>1 for the first statement of a script; null for a query.</summary>
    public int? Statement { get; init; }

    /// <summary>The file of the script that it stands in; null for the job's own.</summary>
    public string? File { get; init; }

    /// <summary>What was sent to the server: positions count in it.</summary>
    public required string Text { get; init; }

    /// <summary>Where the text begins; 0 when there is no text.</summary>
    public long Line { get; init; }

    public int Column { get; init; } = 1;

    /// <summary>What stands in the text for variables of the script.</summary>
    public SpliceList? Splices { get; init; }

    /// <summary>Line of the first data of a COPY FROM STDIN; null when none has come.</summary>
    public long? DataLine { get; init; }

    /// <summary>True when the text is the caller's own, so that a position in it means something to the caller.</summary>
    public bool IsWholeText { get; init; }

    /// <summary>
    /// The position within the text: at the end of what was sent, where a comment followed, the server counts that too.
    /// </summary>
    public int Within(int position) =>
        position <= Text.Length / 2 ? position : Math.Min(position, Text.EnumerateRunes().Count() + 1);

    /// <summary>Line and column of a position, counted as the server counts: in characters from 1.</summary>
    public (long Line, int Column) Locate(int position)
    {
        var at = 0;
        foreach (var rune in Text.EnumerateRunes())
        {
            if (--position <= 0)
            {
                break;
            }

            at += rune.Utf16SequenceLength;
        }

        var before = Encoding.UTF8.GetBytes(Text[..at]);
        var start = new ScriptLocation(Line, Column);
        var (line, column) = Splices is null ? start.After(before) : Splices.Locate(start, before, isUtf8: true);
        return (line, column);
    }
}
