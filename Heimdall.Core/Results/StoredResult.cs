using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;

namespace Heimdall.Core.Results;

/// <summary>What is known of a stored result before its rows are read.</summary>
public sealed record StoredResult
{
    public required IReadOnlyList<ResultColumn> Columns { get; init; }

    public required long RowCount { get; init; }

    /// <summary>True when a limit ended it before its last row.</summary>
    public required bool Truncated { get; init; }

    public required DateTime ExpiresAt { get; init; }

    /// <summary>True when its rows are gone, because their time is over.</summary>
    public required bool IsDropped { get; init; }

    /// <summary>The attempt that stored it: with the job's id it names these rows and no others.</summary>
    public int Attempt => Key.Attempt;

    internal ResultKey Key { get; init; }

    /// <summary>Where its chunks lie; null for Heimdall's own database.</summary>
    internal string? Directory { get; init; }

    /// <summary>The only row of a batch's result, which is not stored.</summary>
    internal string? Message { get; init; }

    /// <summary>
    /// The result of a batch: one row that says how it went, as in the original. It is made of the job.
    /// </summary>
    /// <param name="batch">A batch that has succeeded.</param>
    /// <param name="retention">How long results are kept.</param>
    public static StoredResult OfBatch(Job batch, TimeSpan retention) => new()
    {
        Columns = [new ResultColumn("message", "text", ResultValueKind.Text)],
        RowCount = 1,
        Truncated = false,
        ExpiresAt = batch.FinishedAt!.Value + retention,
        IsDropped = false,
        Key = new ResultKey(batch.Id, batch.Attempt),
        Message = batch.Progress.Statements == 1
            ? "1 statement executed successfully"
            : $"{batch.Progress.Statements ?? 0} statements executed successfully",
    };
}
