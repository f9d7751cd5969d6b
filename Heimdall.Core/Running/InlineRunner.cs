using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <inheritdoc />
internal sealed class InlineRunner(
    JobClaims claims,
    AttemptWriter writer,
    Leases leases,
    JobRun run,
    JobMetrics metrics,
    DrainDeadline drain,
    StoreRetry retry,
    HeimdallConfig config,
    ILogger<InlineRunner> logger)
    : IInlineRunner
{
    private static readonly TimeSpan RecordLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan FindInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a caller waits for what another process finds out about their query.</summary>
    private static readonly TimeSpan TakenOverLimit = TimeSpan.FromSeconds(15);

    private TimeSpan Lease => config.Worker.Lease;

    public async Task<Job> RecordAsync(Job job, JobPlan plan, CancellationToken callerGone)
    {
        var recorded = await writer.BeginAsync(
            job, RunnerName.OfThisProcess, Lease, isDurable: !plan.OnlyReads, RecordLimit, callerGone);
        metrics.Submitted(recorded);
        return recorded;
    }

    public async Task<Job?> RecordAsync(Job job, IdempotencyKey key, CancellationToken cancellationToken)
    {
        var recorded = await writer.BeginAsync(job, key, RunnerName.OfThisProcess, Lease, cancellationToken);
        if (recorded is not null)
        {
            metrics.Submitted(recorded);
        }
        return recorded;
    }

    public async Task<Job> RunAsync(Job job, JobPlan plan, IResultWriter rows, CancellationToken callerGone)
    {
        using var activity = RunActivity.Start(job, logger);
        var attempt = leases.Begin(job);
        Task<Job?> settling;
        EndedAttempt ended;
        try
        {
            ended = await run.ExecuteAsync(attempt, plan, rows, activity, drain.Token, callerGone);
            settling = run.SettleAsync(attempt, ended, isDurable: !plan.OnlyReads);
        }
        catch
        {
            attempt.Dispose();
            throw;
        }
        // While the store is down the end is written later. What is known already can be answered as long as no other
        // process can have the job.
        await WaitAsync(settling, SettleLimit);
        if (!settling.IsCompleted && !attempt.HasLease(Lease))
        {
            await WaitAsync(settling, TakenOverLimit);
        }
        if (settling.IsCompleted)
        {
            attempt.Dispose();
            return await settling ?? await FindOthersEndAsync(job);
        }
        _ = settling.ContinueWith(_ => attempt.Dispose(), TaskScheduler.Default); // its lease lives until its end is written
        return attempt.HasLease(Lease)
            ? job with
            {
                Status = ended.Outcome.ToStatus() ?? job.Status,
                Failure = ended.Outcome.ToFailure(),
                Progress = ended.Progress,
            }
            : WithoutEnd(
                job, "The query has ended, but Heimdall's own database does not answer, so its end is not recorded.");
    }

    public async Task RecoverAsync(Guid jobId, CancellationToken cancellationToken)
    {
        if (await claims.FindAsync(jobId, cancellationToken) is { } job
            && await claims.TakeOverAsync(
                jobId, job.Attempt, RunnerName.OfThisProcess, Lease, cancellationToken) is { } taken)
        {
            metrics.Lost(taken);
            using var attempt = leases.Begin(taken);
            await run.SettleAsync(attempt, await run.RecoverAsync(attempt, cancellationToken));
        }
    }

    private static async Task WaitAsync(Task task, TimeSpan limit)
    {
        if (!task.IsCompleted)
        {
            await task.WaitAsync(limit, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// This process was not heard of for a lease, and another one has recorded, or is finding out, how the query ended.
    /// </summary>
    private async Task<Job> FindOthersEndAsync(Job job)
    {
        using var limit = new CancellationTokenSource(TakenOverLimit);
        try
        {
            while (true)
            {
                var found = await retry.RunAsync(token => claims.FindAsync(job.Id, token), limit.Token);
                if (found is not null && found.Status.IsFinal())
                {
                    return found;
                }
                await Task.Delay(FindInterval, limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return WithoutEnd(
                job, "This process was not heard of for a while, and another one is finding out how the query ended.");
        }
    }

    private static Job WithoutEnd(Job job, string why) => job with
    {
        Status = JobStatus.Failed,
        Failure = new JobFailure
        {
            Kind = JobFailureKind.OutcomeUnknown,
            Message = $"{why} GET /api/v1/job/{job.Id} shows how it ended.",
        },
    };
}
