namespace Heimdall.Core.Plugins;

/// <summary>What a job would do, as far as that can be told without doing it.</summary>
public sealed record JobPreview
{
    /// <summary>How many statements are listed; all are counted.</summary>
    public const int MostListed = 1000;

    /// <summary>True for one query whose rows are the result; false for a batch.</summary>
    public required bool ReturnResult { get; init; }

    /// <summary>SHA-256 of the script, in lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The first <see cref="MostListed"/> statements, in the order of the script.</summary>
    public required IReadOnlyList<PreviewedStatement> Statements { get; init; }

    /// <summary>Null where only a run can read all of the script.</summary>
    public required long? StatementsTotal { get; init; }

    /// <summary>How the database would run a query: JSON, in the database's own form. Null of a batch, and of what has no plan.</summary>
    public string? Plan { get; init; }
}

/// <param name="Statement">1 for the first statement of the script.</param>
/// <param name="Line">Line of its first word, from 1.</param>
/// <param name="Column">Column of the same, in characters from 1.</param>
/// <param name="Tag">Which command it is: <c>INSERT</c>, <c>CREATE TABLE</c>.</param>
public sealed record PreviewedStatement(int Statement, long Line, int Column, string Tag);
