using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// All that is known of a query's run when it is over: what was asked, what was answered, what was cut and what broke.
/// </summary>
internal sealed record QueryTranscript
{
    public required QueryText Query { get; init; }

    /// <summary>True in a READ ONLY transaction: nothing can have been written.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>True of a statement that cannot run in a transaction of ours.</summary>
    public bool CommitsByItself { get; init; }

    /// <summary>
    /// True where a limit may stop the statement instead of dropping the rest of its rows, and COMMIT is sent along.
    /// </summary>
    public bool MayBeCutShort { get; init; }

    /// <summary>Whether somebody wants it stopped.</summary>
    public bool IsStopped { get; init; }

    /// <summary>Whether the reader of the rows is gone.</summary>
    public bool IsUnread { get; init; }

    /// <summary>Whether a limit had it cancelled, when it had written nothing.</summary>
    public bool IsCutShort { get; init; }

    /// <summary>
    /// Whether it had begun to write all the same when it was stopped at a limit, which has undone that. Null where the
    /// session did not answer that.
    /// </summary>
    public bool? HasWrittenWhenCut { get; init; } = false;

    /// <summary>
    /// Whether the server has said that the statement is done. What fails behind it undoes it, as far as it has not
    /// committed.
    /// </summary>
    public bool IsAnswered { get; init; }

    public bool HasAskedToCommit { get; init; }

    public bool HasCommitted { get; init; }

    /// <summary>
    /// What the server said when it was asked about a COMMIT without an answer; null where it was not asked.
    /// </summary>
    public AttemptFate? CommitFate { get; init; }

    /// <summary>Of what commits by itself: whether it may have been more than one transaction.</summary>
    public bool MayHaveCommittedOnItsWay { get; init; }

    /// <summary>Why the statement is none that can be a query.</summary>
    public string? Refusal { get; init; }

    /// <summary>The server's first error.</summary>
    public PostgresException? Error { get; init; }

    public QueryStep FailedStep { get; init; }

    /// <summary>What ended the session; null while it lives.</summary>
    public Exception? Broken { get; init; }

    /// <summary>How many parameters the statement has; null where the server did not say.</summary>
    public int? ParametersUsed { get; init; }

    /// <summary>What an error depends on.</summary>
    public SessionState? Session { get; init; }
}
