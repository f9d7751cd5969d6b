namespace Heimdall.Plugins.Postgres.Errors;

/// <summary>The statement that ran when an error came, and where it stands in what the caller sent.</summary>
internal sealed record ErrorPlace
{
    public static ErrorPlace None { get; } = new() { Text = "" };

    /// <summary>1 for the first statement of a script; null for a query.</summary>
    public int? Statement { get; init; }

    /// <summary>What was sent to the server: positions count in it.</summary>
    public required string Text { get; init; }

    /// <summary>Where the text begins; 0 when there is no text.</summary>
    public long Line { get; init; }

    public int Column { get; init; } = 1;

    /// <summary>True when the text is the caller's own, so that a position in it means something to the caller.</summary>
    public bool IsWholeText { get; init; }

    /// <summary>Line and column of a position, counted as the server counts: in characters from 1.</summary>
    public (long Line, int Column) Locate(int position)
    {
        var (line, column, left) = (Line, Column, position - 1);
        foreach (var rune in Text.EnumerateRunes())
        {
            if (left-- <= 0)
            {
                break;
            }

            (line, column) = rune.Value == '\n' ? (line + 1, 1) : (line, column + 1);
        }

        return (line, column);
    }
}
