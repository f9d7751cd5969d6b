namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// The script cannot be split any further. It is final: what follows in the file cannot be told apart.
/// </summary>
internal sealed class ScriptException(string message, long line, int column) : Exception(message)
{
    public ScriptException(string message, ScriptLocation location)
        : this(message, location.Line, location.Column)
    {
    }

    /// <summary>Line of what is at fault, from 1: where the unterminated thing opened, the refused command, the unreadable statement.</summary>
    public long Line { get; } = line;

    /// <summary>The file it stands in; null for the job's own script.</summary>
    public string? File { get; init; }

    /// <summary>Column of the same, in characters from 1.</summary>
    public int Column { get; } = column;
}
