using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Jobs;
using Job = Hangfire.Common.Job;
using JobFilter = Hangfire.Common.JobFilter;

namespace Heimdall.Core.Queue;

/// <summary>
/// The Hangfire filters of Heimdall's jobs, in place of Hangfire's process-wide list: no retries behind our back, no
/// culture parameters (two rows a job that nothing reads), no continuations. The statistics stay, for the dashboard.
/// </summary>
internal sealed class QueueFilters : IJobFilterProvider
{
    private readonly JobFilter[] _filters;

    public QueueFilters(
        QueueDelivery delivery, JobStore jobs, ClaimedJobs claimed, JobMetrics metrics, DashboardUser user) =>
        _filters =
    [
        new(delivery, JobFilterScope.Global, order: null),
        new(new TruthfulStates(jobs, claimed, metrics, user), JobFilterScope.Global, order: null),
        new(new StatisticsHistoryAttribute(), JobFilterScope.Global, order: null),
    ];

    public IEnumerable<JobFilter> GetFilters(Job job) => _filters;

    /// <summary>Keeps Hangfire's states and ours the same story.</summary>
    private sealed class TruthfulStates(JobStore jobs, ClaimedJobs claimed, JobMetrics metrics, DashboardUser user)
        : IElectStateFilter, IApplyStateFilter
    {
        // Of a schedule that runs each second a day's ticks would be 86,400; what they did is in its history.
        private static readonly TimeSpan TickRetention = TimeSpan.FromMinutes(10);

        public void OnStateElection(ElectStateContext context)
        {
            if (context.CandidateState is SucceededState && IsOurs(context.BackgroundJob, out var ours)
                && (claimed.Find(ours)?.Answer is { } answer ? QueueStates.Of(answer) : EndOf(ours))
                    is { } state and not SucceededState)
            {
                context.CandidateState = state; // Hangfire writes down both, so one that is right is left alone
            }
            else if (context.CandidateState is FailedState { Exception: JobEndedBadlyException end })
            {
                context.CandidateState = QueueStates.Failed(end.Message);
            }
            if (context.CandidateState is EnqueuedState && context.CurrentState is { } current && IsFinal(current)
                && IsOurs(context.BackgroundJob, out var jobId) && EndOf(jobId) is { } shown)
            {
                context.CandidateState = shown; // "Requeue" in the dashboard: a job that has ended is not run again
            }
        }

        public void OnStateApplied(ApplyStateContext context, IWriteOnlyTransaction transaction)
        {
            if (context.NewState is SucceededState && context.BackgroundJob.Job?.Type == typeof(IScheduleTicker))
            {
                context.JobExpirationTimeout = TickRetention;
            }
            if (context.NewState is DeletedState && IsOurs(context.BackgroundJob, out var jobId))
            {
                // "Delete" in the dashboard. An entry that the job has no more says nothing of the job.
                CancelAsync(jobId, context.BackgroundJob.Id).GetAwaiter().GetResult();
            }
        }

        private async Task CancelAsync(Guid jobId, string entryId)
        {
            var was = await jobs.CancelAsync(
                jobId, user.Name ?? DashboardUser.Unknown, CancellationToken.None, entryId);
            if (was?.IsUnstarted() == true)
            {
                await metrics.CountEndAsync(jobs, jobId, CancellationToken.None);
            }
        }

        public void OnStateUnapplied(ApplyStateContext context, IWriteOnlyTransaction transaction)
        {
        }

        private static bool IsFinal(string state) => state == SucceededState.StateName || state == FailedState.StateName || state == DeletedState.StateName;

        private static bool IsOurs(BackgroundJob entry, out Guid jobId)
        {
            jobId = entry.Job?.Args is [Guid id, ..] ? id : Guid.Empty;
            return jobId != Guid.Empty;
        }

        /// <returns>Null when the job has not ended.</returns>
        private IState? EndOf(Guid jobId) =>
            jobs.FindAsync(jobId, CancellationToken.None).GetAwaiter().GetResult() is { } job && job.Status.IsFinal()
                ? QueueStates.EndOf(job)
                : null;
    }
}
