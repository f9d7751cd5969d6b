namespace Heimdall.Core.Plugins;

/// <summary>One failing statement. Fields are absent where they do not apply or the server did not say.</summary>
public sealed record StatementError
{
    /// <summary>How many errors a job keeps; its run log has the others, as far as it reaches.</summary>
    public const int MostKept = 1000;

    /// <summary>Where it failed, of an error that a parent tells of one of its children.</summary>
    public string? ClusterId { get; init; }

    /// <summary>1 for the first statement of the script.</summary>
    public int? Statement { get; init; }

    /// <summary>The file it stands in, where that is not the job's own script.</summary>
    public string? File { get; init; }

    /// <summary>Line of the script, from 1, where the error is; the statement's first line where the server gave no position.</summary>
    public long? Line { get; init; }

    /// <summary>Column of that line, in characters from 1; present only where the server gave a position.</summary>
    public int? Column { get; init; }

    /// <summary>Position in the query text, in characters from 1, as the server gave it.</summary>
    public int? Position { get; init; }

    /// <summary>Five characters: https://www.postgresql.org/docs/current/errcodes-appendix.html.</summary>
    public string? SqlState { get; init; }

    public required string Message { get; init; }

    public string? Detail { get; init; }

    public string? Hint { get; init; }

    /// <summary>The server's call stack: function and line, or the line of COPY data.</summary>
    public string? Context { get; init; }
}
