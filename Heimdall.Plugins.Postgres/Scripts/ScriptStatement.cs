namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>One statement of a script, and where it stands in the file.</summary>
internal sealed record ScriptStatement
{
    /// <summary>From the first token to before the semicolon; no comment, space or byte order mark before it, no space after it.</summary>
    public required string Text { get; init; }

    /// <summary>1 for the first statement of the script.</summary>
    public required int Number { get; init; }

    /// <summary>Line of the first token, from 1.</summary>
    public required long Line { get; init; }

    /// <summary>Column of the first token, in characters (code points, as PostgreSQL counts positions) from 1.</summary>
    public required int Column { get; init; }

    /// <summary>The command's name as PostgreSQL's command tag has it, without counts: <c>INSERT</c>, <c>CREATE TABLE</c>.</summary>
    public required string Tag { get; init; }

    public required ScriptStatementKind Kind { get; init; }
}
