namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// What the server has been sent and has not answered yet. It answers in the order in which it was sent.
/// </summary>
/// <param name="Kind">What was sent.</param>
/// <param name="Owner">For whom, as the sender said; null for most of the Syncs.</param>
/// <param name="Text">The statement's text as it was sent, where that is kept.</param>
/// <param name="Chunk">What the text lies in; null where it is kept by somebody else, or not at all.</param>
internal readonly record struct Expected(
    ExpectedKind Kind, object? Owner = null, ReadOnlyMemory<byte> Text = default, PipelineChunk? Chunk = null)
{
    /// <summary>Whether ReadyForQuery ends it.</summary>
    public bool EndsWithReady => Kind is ExpectedKind.Query or ExpectedKind.Sync;
}

internal enum ExpectedKind
{
    /// <summary>A statement by the extended protocol, answered by CommandComplete.</summary>
    Execution,

    /// <summary>The same with a Sync of its own behind it, which commits it: not done before that is answered.</summary>
    ExecutionBeforeSync,

    /// <summary>An Execution in a block of its own: not done before the block is.</summary>
    ExecutionInBlock,

    /// <summary>The BEGIN before a statement that gets a block of its own.</summary>
    BlockBegin,

    /// <summary>The COMMIT behind it, with which the statement is done.</summary>
    BlockCommit,

    /// <summary>A Describe, answered by RowDescription or NoData.</summary>
    Description,

    /// <summary>A simple Query, answered by ReadyForQuery at last.</summary>
    Query,

    /// <summary>A Sync, answered by ReadyForQuery.</summary>
    Sync,
}
