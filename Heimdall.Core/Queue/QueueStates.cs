using Hangfire.States;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue;

/// <summary>How what became of a job is called among Hangfire's states.</summary>
internal static class QueueStates
{
    /// <returns>Null where Hangfire does not change the state.</returns>
    public static IState? Of(JobAnswer answer) => answer.Answer switch
    {
        QueueAnswer.Ended => EndOf(answer.Job!),
        QueueAnswer.WaitsAgain => new ScheduledState(answer.Delay) { Reason = answer.Reason },
        QueueAnswer.HandedBack => new EnqueuedState(RowQueue.Name)
        {
            Reason = "The worker was told to stop; the job waits for another.",
        },
        _ => null,
    };

    /// <param name="job">One that has ended.</param>
    public static IState EndOf(Job job) => job.Status switch
    {
        JobStatus.Succeeded => new SucceededState(
            null, (long)((job.StartedAt ?? job.CreatedAt) - job.CreatedAt).TotalMilliseconds,
            (long)((job.FinishedAt ?? job.UpdatedAt) - (job.StartedAt ?? job.CreatedAt)).TotalMilliseconds),
        JobStatus.Canceled => new DeletedState { Reason = job.CanceledBy is { } user ? $"Canceled by {user}." : job.Failure?.Message },
        _ => Failed(job.Failure?.ToLine() ?? "It failed."),
    };

    /// <summary>A fresh exception: a stack trace of Heimdall's own code is of no use to an operator.</summary>
    public static FailedState Failed(string message) =>
        new(new JobEndedBadlyException(message)) { Reason = message };
}
