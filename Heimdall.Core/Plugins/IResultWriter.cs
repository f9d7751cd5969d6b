namespace Heimdall.Core.Plugins;

/// <summary>
/// Takes the rows of a result one value after the other. Values are UTF-8 in PostgreSQL's text form; the column's
/// <see cref="ResultValueKind"/> says how they may be written down. Values are copied before a call returns.
/// The await of <see cref="FlushAsync"/> is the back-pressure: call it after each row.
/// </summary>
public interface IResultWriter
{
    /// <summary>Announces the columns, once and before any row. After it, a failure can no longer be a plain refusal.</summary>
    ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken);

    void StartRow();

    void WriteNull();

    void WriteValue(ReadOnlySpan<byte> utf8);

    void EndRow();

    /// <summary>Passes on what has been written, when there is enough of it.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>
    /// No row follows: makes durable what is to be kept of them. Called before the commit of a query whose rows are
    /// stored, so that a query that took effect has its rows. A second call does nothing.
    /// </summary>
    ValueTask EndAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>True once the writer drops what it is given, because a limit of its own is reached: the query need not go on for it.</summary>
    bool IsFull => false;

    /// <summary>Whether <see cref="IsFull"/> may become true.</summary>
    bool MayBecomeFull => false;
}
