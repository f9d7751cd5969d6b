using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;

namespace Heimdall.Core.Results;

/// <summary>What is known of a stored result before its rows are read.</summary>
public sealed record StoredResult
{
    /// <summary>The first column of a parent's result.</summary>
    public const string ClusterColumn = "_cluster";

    private const int MostNamed = 10;

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

    /// <summary>Of a parent: the results of its children, each with the cluster that its rows are of.</summary>
    internal IReadOnlyList<(string ClusterId, StoredResult Result)> Parts { get; init; } = [];

    /// <summary>Why the results of the children cannot be put together; then there are no rows here.</summary>
    public string? Mismatch { get; private init; }

    /// <summary>A cluster whose child has succeeded and left no result: then this is not all, and nobody's.</summary>
    public string? MissingOn { get; init; }

    /// <summary>
    /// The result of a batch: one row that says how it went, as in the original. It is made of the job.
    /// </summary>
    /// <param name="batch">A batch that has succeeded.</param>
    /// <param name="retention">How long results are kept.</param>
    public static StoredResult OfBatch(Job batch, TimeSpan retention) => OfBatch(
        new ResultKey(batch.Id, batch.Attempt), batch.FinishedAt!.Value + retention, batch.Progress.Statements ?? 0);

    internal static StoredResult OfBatch(ResultKey key, DateTime expiresAt, long statements) => new()
    {
        Columns = [new ResultColumn("message", "text", ResultValueKind.Text)],
        RowCount = 1,
        Truncated = false,
        ExpiresAt = expiresAt,
        IsDropped = false,
        Key = key,
        Message = statements == 1
            ? "1 statement executed successfully"
            : $"{statements} statements executed successfully",
    };

    /// <summary>The rows of all children, those of one cluster after those of another.</summary>
    /// <param name="parent">The parent's id.</param>
    /// <param name="parts">At least one.</param>
    internal static StoredResult OfChildren(
        Guid parent, IReadOnlyList<(string ClusterId, StoredResult Result)> parts)
    {
        var (first, columns) = (parts[0].ClusterId, parts[0].Result.Columns);
        var other = parts.FirstOrDefault(part => !AreAlike(part.Result.Columns, columns));
        return new StoredResult
        {
            Columns = [new ResultColumn(ClusterColumn, "text", ResultValueKind.Text), .. columns.Select(Merge)],
            RowCount = parts.Sum(part => part.Result.RowCount),
            Truncated = parts.Any(part => part.Result.Truncated),
            ExpiresAt = parts.Min(part => part.Result.ExpiresAt),
            IsDropped = parts.Any(part => part.Result.IsDropped),
            Key = new ResultKey(parent, 0),
            Parts = parts,
            Mismatch = other.Result is null
                ? null
                : $"The columns differ: cluster '{first}' has ({Describe(columns)}), and cluster "
                    + $"'{other.ClusterId}' has ({Describe(other.Result.Columns)}). Each child has its own result.",
        };

        // What only some clusters declare of a type, such as its digits, holds of none of the merged rows.
        ResultColumn Merge(ResultColumn column, int place) =>
            other.Result is null && parts.All(part => part.Result.Columns[place].Form == column.Form)
                ? column
                : column with { Form = null };
    }

    private static bool AreAlike(IReadOnlyList<ResultColumn> some, IReadOnlyList<ResultColumn> others) =>
        some.Select(column => (column.Name, column.Type, column.Kind))
            .SequenceEqual(others.Select(column => (column.Name, column.Type, column.Kind)));

    private static string Describe(IReadOnlyList<ResultColumn> columns)
    {
        var named = columns.Take(MostNamed).Select(column => $"{column.Name} {column.Type}");
        return string.Join(", ", columns.Count > MostNamed ? named.Append("…") : named);
    }
}
