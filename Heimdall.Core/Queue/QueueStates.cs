using Hangfire.States;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue;

/// <summary>How the end of a job is called among Hangfire's states.</summary>
internal static class QueueStates
{
    /// <param name="job">One that has ended.</param>
    public static IState EndOf(Job job) => job.Status switch
    {
        JobStatus.Succeeded => new SucceededState(
            null, (long)((job.StartedAt ?? job.CreatedAt) - job.CreatedAt).TotalMilliseconds,
            (long)((job.FinishedAt ?? job.UpdatedAt) - (job.StartedAt ?? job.CreatedAt)).TotalMilliseconds),
        JobStatus.Canceled => new DeletedState { Reason = $"Canceled by {job.CanceledBy}." },
        _ => Failed(job.Failure?.ToLine() ?? "It failed."),
    };

    /// <summary>A fresh exception: a stack trace of Heimdall's own code is of no use to an operator.</summary>
    public static FailedState Failed(string message) =>
        new(new JobEndedBadlyException(canceled: false, message)) { Reason = message };
}
