using Heimdall.Core.Plugins;

namespace Heimdall.Core.Jobs;

/// <summary>Something to be written of an inline query, and who waits for it.</summary>
/// <param name="job">The query's job.</param>
/// <param name="isDurable">False when the flush to disk need not be waited for.</param>
internal abstract class InlineRecord(Job job, bool isDurable)
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int GivenUp = 2;

    private int _state = Waiting;

    public Job Job { get; } = job;

    public bool IsDurable { get; } = isDurable;

    public TaskCompletionSource<InlineRecordAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsGivenUp => Volatile.Read(ref _state) == GivenUp;

    /// <summary>Takes it to send it.</summary>
    /// <returns>False when nobody waits for it any more.</returns>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) != GivenUp;

    /// <returns>True when it has not been sent, and never will be.</returns>
    public bool TryGiveUp() => Interlocked.CompareExchange(ref _state, GivenUp, Waiting) != Taken;
}

/// <param name="Time">When the store wrote it; null when there was nothing to write it on.</param>
/// <param name="CanceledBy">Who asked meanwhile that the job be stopped.</param>
internal readonly record struct InlineRecordAnswer(DateTime? Time, string? CanceledBy);

/// <param name="job">As it begins.</param>
/// <param name="worker">The process that runs it.</param>
/// <param name="lease">How long that is believed to be alive.</param>
/// <param name="isDurable">False when the flush to disk need not be waited for.</param>
/// <param name="mayBeThere">True when it has been written before, or may yet come: whichever is second finds the first.</param>
internal sealed class InlineBeginning(Job job, string worker, TimeSpan lease, bool isDurable, bool mayBeThere = false) : InlineRecord(job, isDurable)
{
    public string Worker { get; } = worker;

    public TimeSpan Lease { get; } = lease;

    public bool MayBeThere { get; } = mayBeThere;
}

internal sealed class InlineEnding(Job job, JobStatus status, JobFailure? failure, JobProgress progress, bool isDurable) : InlineRecord(job, isDurable)
{
    public JobStatus Status { get; } = status;

    public JobFailure? Failure { get; } = failure;

    public JobProgress Progress { get; } = progress;
}
