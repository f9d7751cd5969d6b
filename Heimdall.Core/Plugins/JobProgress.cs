namespace Heimdall.Core.Plugins;

/// <summary>How far a job has come. Every field is absent until it is known.</summary>
public sealed record JobProgress
{
    /// <summary>Statements of the batch that are done.</summary>
    public long? Statements { get; init; }

    /// <summary>Statements in the batch, once the end of the script has been read.</summary>
    public long? StatementsTotal { get; init; }

    /// <summary>Bytes of the script read so far.</summary>
    public long? BytesRead { get; init; }

    /// <summary>Size of the script in bytes.</summary>
    public long? BytesTotal { get; init; }

    /// <summary>Rows inserted, updated, deleted or copied in by the batch.</summary>
    public long? RowsAffected { get; init; }

    /// <summary>Rows of a query's result.</summary>
    public long? RowCount { get; init; }

    /// <summary>True when a limit ended the result before its last row.</summary>
    public bool? Truncated { get; init; }

    /// <summary>Statements that have failed so far, in the order of the script: the first <see cref="StatementError.MostKept"/> of them.</summary>
    public IReadOnlyList<StatementError>? Errors { get; init; }

    /// <summary>
    /// Of a batch that commits as it goes: the first statement of its script that is not known to be done. One within a transaction block of
    /// the script's own is done only with the block.
    /// </summary>
    public long? ResumeFrom { get; init; }

    /// <summary>SHA-256 of the script that ran, in lower-case hexadecimal.</summary>
    public string? Sha256 { get; init; }

    /// <summary>The files that the script reads beside itself; null when there are none.</summary>
    public IReadOnlyList<FileHash>? Files { get; init; }

    /// <summary>
    /// False of a script that takes values from the server as it runs: a job that begins in its middle would not have
    /// them.
    /// </summary>
    public bool? CanResume { get; init; }
}
