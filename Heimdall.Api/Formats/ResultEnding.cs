using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>How a result ended: what is written behind its last row.</summary>
internal sealed record ResultEnding
{
    public required JobStatus Status { get; init; }

    /// <summary>
    /// True when the caller has asked for the rows of a job that did not succeed: they are all that there are.
    /// </summary>
    public bool IsPartial { get; init; }

    /// <summary>True when a limit ended it before its last row.</summary>
    public required bool Truncated { get; init; }

    public long? RowsAffected { get; init; }

    /// <summary>Of a stored result: how many rows there are, of which this may be a page.</summary>
    public long? TotalRows { get; init; }

    public DateTime? FinishedAt { get; init; }

    public DateTime? UpdatedAt { get; init; }

    /// <summary>Of a stored result: until when it is kept.</summary>
    public DateTime? ExpiresAt { get; init; }

    /// <summary>Why it broke off; null when it did not.</summary>
    public JobFailure? Failure { get; init; }
}
