using Heimdall.Core.Database;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Jobs;

/// <summary>Something that a running attempt has written to the store.</summary>
internal abstract class AttemptWrite(Guid jobId, int attempt, bool isDurable)
    : StoreWrite<AttemptWriteAnswer>(isDurable)
{
    public Guid JobId { get; } = jobId;

    public int Attempt { get; } = attempt;

    /// <summary>What is added to the attempt's log. It is left out when the job is no longer the attempt's.</summary>
    public IReadOnlyList<NewLogPiece> Log { get; init; } = [];

    public override int Bytes => Log.Sum(piece => piece.Lines.Length);
}

/// <param name="Time">
/// When the store wrote it; null when the job is not (or no longer) the attempt's, and nothing was written.
/// </param>
/// <param name="CanceledBy">Who has asked that the job be stopped.</param>
/// <param name="Status">That of the job, where it was asked for.</param>
internal readonly record struct AttemptWriteAnswer(DateTime? Time, string? CanceledBy, JobStatus? Status);

/// <summary>A piece of an attempt's log on its way into the store.</summary>
/// <param name="Stream">Which log.</param>
/// <param name="Number">Counted from 1 in each stream of an attempt: a piece that is sent twice is stored once.</param>
/// <param name="Lines">Each with its line feed.</param>
public sealed record NewLogPiece(JobLogStream Stream, int Number, string Lines);

/// <summary>Rows that a queued query has stored.</summary>
/// <param name="Attempt">The attempt that stored them.</param>
/// <param name="Rows">How many.</param>
/// <param name="Truncated">Whether a limit ended them before the last.</param>
/// <param name="Retention">How long they are kept.</param>
public sealed record StoredRows(int Attempt, long Rows, bool Truncated, TimeSpan Retention);

/// <summary>An inline query begins.</summary>
/// <param name="job">As it begins; with its times where it is written once more.</param>
/// <param name="worker">The process that runs it.</param>
/// <param name="lease">How long its lease is.</param>
/// <param name="isDurable">False when the flush to disk need not be waited for.</param>
/// <param name="mayBeThere">
/// True when it has been written before, or an earlier insert may still come: the second one changes nothing.
/// </param>
internal sealed class InlineBeginning(Job job, string worker, TimeSpan lease, bool isDurable, bool mayBeThere = false)
    : AttemptWrite(job.Id, attempt: 1, isDurable)
{
    public Job Job { get; } = job;

    public string Worker { get; } = worker;

    public TimeSpan Lease { get; } = lease;

    public bool MayBeThere { get; } = mayBeThere;

    public DateTime? CreatedAt => Job.CreatedAt == default ? null : Job.CreatedAt;
}

/// <summary>What a plugin needs to find out whether the attempt took effect.</summary>
internal sealed class EvidenceWrite(Guid jobId, int attempt, string evidence, bool canWait)
    : AttemptWrite(jobId, attempt, isDurable: true)
{
    public string Evidence { get; } = evidence;

    public override bool CanWait => canWait;
}

/// <summary>
/// Makes sure, before a commit, that the job is still the attempt's, and gives it a whole lease. Should the process die
/// behind the commit, nobody else knows how far the attempt has come.
/// </summary>
internal sealed class Confirmation(Guid jobId, int attempt, JobProgress progress, TimeSpan lease, bool canWait)
    : AttemptWrite(jobId, attempt, isDurable: true)
{
    public override bool CanWait => canWait;

    public JobProgress Progress { get; } = progress;

    public TimeSpan Lease { get; } = lease;
}

/// <summary>How far the attempt has come, and a part of its log.</summary>
internal sealed class ProgressWrite(Guid jobId, int attempt, JobProgress? progress)
    : AttemptWrite(jobId, attempt, isDurable: true)
{
    public override bool CanWait => true;

    /// <summary>Null when only the log has grown.</summary>
    public JobProgress? Progress { get; } = progress;
}

/// <summary>How the attempt has ended, and the job with it.</summary>
internal sealed class Ending(Job job, JobStatus status, bool isDurable) : AttemptWrite(job.Id, job.Attempt, isDurable)
{
    public Job Job { get; } = job;

    /// <summary>The caller of an inline query waits for its end.</summary>
    public override bool CanWait => !Job.IsSync;

    public JobStatus Status { get; } = status;

    public JobFailure? Failure { get; init; }

    public required JobProgress Progress { get; init; }

    /// <summary>What there is to say of it beside the failure, for the attempt's record.</summary>
    public string? Detail { get; init; }

    public StoredRows? Rows { get; init; }

    /// <summary>Where it is written once more: when it was written first.</summary>
    public DateTime? FinishedAt { get; init; }

    /// <summary>The first attempt of an inline query has no record of its own, and needs a shorter statement.</summary>
    public bool IsInline => Job is { IsSync: true, Attempt: 1 };

    public JobProgress ProgressWithErrors => Failure is { Errors.Count: > 0 } failure
        ? Progress with { Errors = failure.Errors } : Progress;

    /// <returns>The same without its log.</returns>
    public Ending WithoutLog() => With([]);

    /// <returns>The same, to be sent once more.</returns>
    public Ending Again() => With(Log);

    /// <returns>The same, to be written once more after it had been written and may have been lost.</returns>
    public Ending Restored(Job ended) => new(Job, Status, isDurable: true)
    {
        Failure = Failure,
        Progress = Progress,
        Detail = Detail,
        Rows = Rows,
        FinishedAt = ended.FinishedAt,
        Log = Log,
    };

    private Ending With(IReadOnlyList<NewLogPiece> log) => new(Job, Status, IsDurable)
    {
        Failure = Failure,
        Progress = Progress,
        Detail = Detail,
        Rows = Rows,
        FinishedAt = FinishedAt,
        Log = log,
    };
}
