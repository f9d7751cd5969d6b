using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>What the server has been sent and has not answered yet. It answers in the order in which it was sent.</summary>
/// <param name="Kind">What was sent.</param>
/// <param name="Statement">For which statement; null for a Sync.</param>
/// <param name="Text">The statement's text as it was sent.</param>
/// <param name="Chunk">What the text lies in; null for one that was too long for any.</param>
internal readonly record struct ExpectedAnswer(ExpectedKind Kind, ScriptStatement? Statement, ReadOnlyMemory<byte> Text, OutgoingChunk? Chunk);

internal enum ExpectedKind
{
    /// <summary>A statement by the extended protocol, answered by CommandComplete.</summary>
    Execution,

    /// <summary>The same in a block of its own: not done before the block is.</summary>
    ExecutionInBlock,

    /// <summary>The BEGIN before a statement that gets a block of its own.</summary>
    BlockBegin,

    /// <summary>The COMMIT behind it, with which the statement is done.</summary>
    BlockCommit,

    /// <summary>A simple Query, answered by ReadyForQuery at last.</summary>
    Query,

    /// <summary>A Sync, answered by ReadyForQuery.</summary>
    Sync,
}
