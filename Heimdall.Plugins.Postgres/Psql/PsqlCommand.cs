using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>A command of psql's, with its arguments as psql reads them.</summary>
internal sealed record PsqlCommand
{
    /// <summary>With the backslash.</summary>
    public required string Name { get; init; }

    public required PsqlCommandKind Kind { get; init; }

    public required ScriptLocation Place { get; init; }

    /// <summary>The file it stands in; null for the job's own script.</summary>
    public string? File { get; init; }

    /// <summary>Bytes of it, and of the two backslashes that may end it.</summary>
    public required int Length { get; init; }

    public required IReadOnlyList<PsqlArgument> Arguments { get; init; }

    /// <summary>Why it cannot be read; null when it can.</summary>
    public string? Fault { get; init; }

    /// <summary>Whether psql would run a shell for one of its arguments.</summary>
    public bool AsksShell { get; init; }

    /// <summary>An argument as text; null when there are not so many.</summary>
    public string? Text(int index) => index < Arguments.Count ? Arguments[index].Text : null;

    /// <summary>The arguments from one on, with blanks between them.</summary>
    public string Join(int from = 0) => string.Join(' ', Arguments.Skip(from).Select(argument => argument.Text));
}

/// <summary>An argument of a command.</summary>
/// <param name="Value">Without its quotes, and with the values of variables.</param>
/// <param name="IsQuoted">Whether a part of it stood in quotes or came from a variable.</param>
internal sealed record PsqlArgument(byte[] Value, bool IsQuoted)
{
    public string Text => ScriptVariables.ReadName(Value);
}

/// <summary>What a command does.</summary>
internal enum PsqlCommandKind
{
    Unknown,
    Refused,
    Display,
    Set,
    Unset,
    Echo,
    Warn,
    If,
    Elif,
    Else,
    Endif,

    /// <summary>Runs the statement before it.</summary>
    Go,

    /// <summary>Runs it, to show its rows in another form.</summary>
    Crosstab,

    /// <summary>Runs it, and its row becomes variables.</summary>
    GoToVariables,

    /// <summary>Runs it, and then each of its values.</summary>
    GoToStatements,

    /// <summary>Would show what columns it has, and not run it.</summary>
    Describe,
    Bind,
    Include,
    IncludeRelative,
    Copy,
    Quit,
    Reset,
    Encoding,
    Connect,
    Restrict,
    Unrestrict,
}
