using Heimdall.Core.Jobs;

namespace Heimdall.Core.Schedules;

/// <summary>What became of one occurrence, or of one time that somebody asked for a run.</summary>
public sealed record ScheduleRun
{
    public required Guid Id { get; init; }

    public required string Schedule { get; init; }

    public required DateTime PlannedAt { get; init; }

    public required RunOutcome Outcome { get; init; }

    /// <summary>Why it was not run, or what it waits for.</summary>
    public string? Reason { get; init; }

    public Guid? JobId { get; init; }

    /// <summary>Who asked for it; null: the clock.</summary>
    public string? TriggeredBy { get; init; }

    /// <summary>When its outcome was decided.</summary>
    public DateTime DecidedAt { get; init; }

    /// <summary>How its job stands, where it has one and that is still known.</summary>
    public RunJob? Job { get; init; }

    /// <summary>Of an occurrence that is not run.</summary>
    internal static ScheduleRun Skipped(string schedule, DueOccurrence missed, DateTime now) => new()
    {
        Id = Guid.CreateVersion7(),
        Schedule = schedule,
        PlannedAt = missed.PlannedAt,
        Outcome = RunOutcome.Skipped,
        Reason = missed.Missed,
        DecidedAt = now,
    };
}

/// <param name="Status">How the job of a run stands.</param>
/// <param name="StartedAt">When a worker started it.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Error">Why it failed.</param>
public sealed record RunJob(JobStatus Status, DateTime? StartedAt, DateTime? FinishedAt, string? Error);

public enum RunOutcome
{
    /// <summary>It has become a job.</summary>
    Fired,

    /// <summary>It becomes a job when the one before has ended.</summary>
    Waiting,

    /// <summary>By the rules of its schedule there is no job.</summary>
    Skipped,

    /// <summary>There was to be a job, and there could be none.</summary>
    Refused,

    /// <summary>One that only a newer version of Heimdall knows. Never written.</summary>
    Unknown,
}

/// <summary>The last run of a page: the next page starts after it.</summary>
public sealed record RunCursor(DateTime PlannedAt, Guid Id);

/// <summary>One page of the runs of a schedule, the newest first.</summary>
public sealed record RunPage(IReadOnlyList<ScheduleRun> Runs, RunCursor? Next);
