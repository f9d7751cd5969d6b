namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>Why <see cref="StatementLexer.Advance"/> stopped.</summary>
internal enum LexerStop
{
    /// <summary>Everything kept has been read and nothing found: fill the buffer and go on.</summary>
    NeedsMore,

    /// <summary>At a semicolon that ends the statement.</summary>
    StatementEnd,

    /// <summary>At the end of the script, outside any quote.</summary>
    ScriptEnd,

    /// <summary>At a backslash outside quotes.</summary>
    BackslashCommand,

    /// <summary>At a variable whose value depends on answers that have not come.</summary>
    AwaitsAnswers,

    /// <summary>The script ended inside a quote or comment.</summary>
    Unterminated,
}
