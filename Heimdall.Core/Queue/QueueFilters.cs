using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;

namespace Heimdall.Core.Queue;

/// <summary>
/// The Hangfire filters of Heimdall's jobs, in place of Hangfire's process-wide list: no retries behind our back, no
/// culture parameters (two rows a job that nothing reads), no continuations. The statistics stay, for the dashboard.
/// </summary>
internal sealed class QueueFilters : IJobFilterProvider
{
    private readonly JobFilter[] _filters;

    public QueueFilters(QueueDelivery delivery, Action<Guid> jobDeleted) => _filters =
    [
        new(delivery, JobFilterScope.Global, order: null),
        new(new TruthfulStates(jobDeleted), JobFilterScope.Global, order: null),
        new(new SecondAttempts(this), JobFilterScope.Global, order: null),
        new(new StatisticsHistoryAttribute(), JobFilterScope.Global, order: null),
    ];

    public IEnumerable<JobFilter> GetFilters(Job job) => _filters;

    /// <summary>Keeps Hangfire's states and ours the same story.</summary>
    private sealed class TruthfulStates(Action<Guid> jobDeleted) : IElectStateFilter, IApplyStateFilter
    {
        // Hangfire keeps failed jobs for ever by default; the history is Heimdall's own table.
        private static readonly TimeSpan FailedRetention = TimeSpan.FromDays(7);

        // Of a schedule that runs each second a day's ticks would be 86,400; what they did is in its history.
        private static readonly TimeSpan TickRetention = TimeSpan.FromMinutes(10);

        public void OnStateElection(ElectStateContext context)
        {
            if (context.CandidateState is FailedState { Exception: JobHandedBackException handedBack })
            {
                context.CandidateState = new EnqueuedState(JobQueue.Name) { Reason = handedBack.Message };
            }
            if (context.CandidateState is FailedState { Exception: JobEndedBadlyException end })
            {
                // A fresh exception: a stack trace of Heimdall's own code tells the operator nothing.
                context.CandidateState = end.Canceled
                    ? new DeletedState { Reason = end.Message }
                    : new FailedState(new JobEndedBadlyException(canceled: false, end.Message)) { Reason = end.Message };
            }
            if (context.CandidateState is FailedState { Exception: JobWaitsAgainException again })
            {
                context.CandidateState = again.ToState(); // not done before: see SecondAttempts
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
            if (context.NewState is DeletedState && context.BackgroundJob.Job?.Args is [Guid jobId, ..])
            {
                jobDeleted(jobId);
            }
        }

        public void OnStateUnapplied(ApplyStateContext context, IWriteOnlyTransaction transaction)
        {
        }
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
