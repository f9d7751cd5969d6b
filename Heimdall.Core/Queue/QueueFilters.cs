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

    public QueueFilters(QueueDelivery delivery, JobStore jobs) => _filters =
    [
        new(delivery, JobFilterScope.Global, order: null),
        new(new TruthfulStates(jobs), JobFilterScope.Global, order: null),
        new(new SecondAttempts(this), JobFilterScope.Global, order: null),
        new(new StatisticsHistoryAttribute(), JobFilterScope.Global, order: null),
    ];

    public IEnumerable<JobFilter> GetFilters(Job job) => _filters;

    /// <summary>Keeps Hangfire's states and ours the same story.</summary>
    private sealed class TruthfulStates(JobStore jobs) : IElectStateFilter, IApplyStateFilter
    {
        // Hangfire keeps failed jobs for ever by default; the history is Heimdall's own table.
        private static readonly TimeSpan FailedRetention = TimeSpan.FromDays(7);

        // Of a schedule that runs each second a day's ticks would be 86,400; what they did is in its history.
        private static readonly TimeSpan TickRetention = TimeSpan.FromMinutes(10);

        public void OnStateElection(ElectStateContext context)
        {
            if (context.CandidateState is FailedState { Exception: JobHandedBackException handedBack })
            {
                context.CandidateState = new EnqueuedState(RowQueue.Name) { Reason = handedBack.Message };
            }
            if (context.CandidateState is FailedState { Exception: JobEndedBadlyException end })
            {
                context.CandidateState = end.Canceled ? new DeletedState { Reason = end.Message } : QueueStates.Failed(end.Message);
            }
            if (context.CandidateState is FailedState { Exception: JobWaitsAgainException again })
            {
                context.CandidateState = again.ToState(); // not done before: see SecondAttempts
            }
            if (context.CandidateState is EnqueuedState && context.CurrentState is { } current && IsFinal(current)
                && IsOurs(context.BackgroundJob, out var jobId) && Find(jobId) is { } job && job.Status.IsFinal())
            {
                context.CandidateState = QueueStates.EndOf(job); // "Requeue" in the dashboard: a job that has ended is not run again
            }
        }

        public void OnStateApplied(ApplyStateContext context, IWriteOnlyTransaction transaction)
        {
            if (context.NewState is FailedState)
            {
                transaction.ExpireJob(context.BackgroundJob.Id, FailedRetention);
            }
            if (context.NewState is SucceededState && context.BackgroundJob.Job?.Type == typeof(IScheduleTicker))
            {
                context.JobExpirationTimeout = TickRetention;
            }
            if (context.NewState is DeletedState && IsOurs(context.BackgroundJob, out var jobId))
            {
                // "Delete" in the dashboard. An entry that the job has no more says nothing of the job.
                jobs.CancelAsync(jobId, "dashboard", CancellationToken.None, context.BackgroundJob.Id).GetAwaiter().GetResult();
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

        private Jobs.Job? Find(Guid jobId) => jobs.FindAsync(jobId, CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>
    /// Schedules a job whose attempt has failed and is to be followed by another, before Hangfire takes it for failed: the history would
    /// show that as well. Hangfire then finds the job in another state than it left it in, and leaves it there.
    /// </summary>
    private sealed class SecondAttempts(IJobFilterProvider filters) : IServerFilter
    {
        public void OnPerforming(PerformingContext context)
        {
        }

        public void OnPerformed(PerformedContext context)
        {
            if ((context.Exception as JobWaitsAgainException ?? context.Exception?.InnerException as JobWaitsAgainException) is { } again)
            {
                var change = new StateChangeContext(context.Storage, context.Connection, context.BackgroundJob.Id, again.ToState(), ProcessingState.StateName);
                context.ExceptionHandled = new BackgroundJobStateChanger(filters).ChangeState(change) is ScheduledState;
            }
        }
    }
}
