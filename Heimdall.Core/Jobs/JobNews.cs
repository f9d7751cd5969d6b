using Heimdall.Core.Plugins;

namespace Heimdall.Core.Jobs;

/// <summary>Where a job stands, without what it was asked to do: little enough to be read again and again.</summary>
/// <param name="Id">The job.</param>
/// <param name="State">All of it but the progress.</param>
/// <param name="Progress">Without its errors, which are in the log.</param>
/// <param name="LastPiece">The number of the last piece of its log; 0 when it has none.</param>
public sealed record JobNews(Guid Id, JobState State, JobProgress Progress, long LastPiece)
{
    /// <summary>Of a parent: how its children have ended so far.</summary>
    public FanOut? FanOut { get; init; }
}

/// <summary>What changes of a job when it goes from one status to another.</summary>
public sealed record JobState
{
    public required JobStatus Status { get; init; }

    public required int Attempt { get; init; }

    public DateTime? StartedAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    /// <summary>When it will be tried again, of one that waits for that.</summary>
    public DateTime? RetryAt { get; init; }

    public string? Error { get; init; }

    public string? CanceledBy { get; init; }
}
