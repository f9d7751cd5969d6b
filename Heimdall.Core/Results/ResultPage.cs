namespace Heimdall.Core.Results;

/// <summary>Which rows of a result are wanted.</summary>
/// <param name="Offset">The number of the first row, from 0.</param>
/// <param name="Limit">How many rows at most; null for all.</param>
public readonly record struct ResultPage(long Offset, long? Limit)
{
    public static ResultPage All { get; } = new(Offset: 0, Limit: null);

    /// <summary>The number of the row behind the last one of this page.</summary>
    public long EndOf(long rowCount) => Limit is { } limit && limit < rowCount - Offset ? Offset + limit : rowCount;

    /// <summary>How many rows the page has.</summary>
    public long RowsOf(long rowCount) => Math.Max(0, EndOf(rowCount) - Offset);
}
