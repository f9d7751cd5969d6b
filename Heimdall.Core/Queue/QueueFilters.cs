using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;

namespace Heimdall.Core.Queue;

/// <summary>
/// The Hangfire filters of Heimdall's jobs, in place of Hangfire's process-wide list: no retries behind our back, no
/// culture parameters (two rows a job that nothing reads), no continuations. The statistics stay, for the dashboard.
/// </summary>
internal sealed class QueueFilters(Action<Guid> jobDeleted) : IJobFilterProvider
{
    private readonly JobFilter[] _filters =
    [
        new(new TruthfulStates(jobDeleted), JobFilterScope.Global, order: null),
        new(new StatisticsHistoryAttribute(), JobFilterScope.Global, order: null),
    ];

    public IEnumerable<JobFilter> GetFilters(Job job) => _filters;

    /// <summary>Keeps Hangfire's states and ours the same story.</summary>
    private sealed class TruthfulStates(Action<Guid> jobDeleted) : IElectStateFilter, IApplyStateFilter
    {
        // Hangfire keeps failed jobs for ever by default; the history is Heimdall's own table.
        private static readonly TimeSpan FailedRetention = TimeSpan.FromDays(7);

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
        }

        public void OnStateApplied(ApplyStateContext context, IWriteOnlyTransaction transaction)
        {
            if (context.NewState is FailedState)
            {
                transaction.ExpireJob(context.BackgroundJob.Id, FailedRetention);
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
}
