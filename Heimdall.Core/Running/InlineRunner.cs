using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <inheritdoc />
internal sealed class InlineRunner : IInlineRunner
{
    private static readonly TimeSpan RecordPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(3);

    private readonly JobStore _jobs;
    private readonly JobClaims _claims;
    private readonly InlineRecords _records;
    private readonly RunningJobs _running;
    private readonly AttemptExecutor _executor;
    private readonly JobSettler _settler;
    private readonly TimeSpan _lease;
    private readonly DrainDeadline _drain;

    public InlineRunner(
        JobStore jobs, JobClaims claims, InlineRecords records, RunningJobs running, AttemptExecutor executor, JobSettler settler, DrainDeadline drain, HeimdallConfig config)
    {
        _jobs = jobs;
        _claims = claims;
        _records = records;
        _running = running;
        _executor = executor;
        _settler = settler;
        _lease = config.Worker.Lease;
        _drain = drain;
    }

    public Task<Job> RecordAsync(Job job, JobPlan plan, CancellationToken callerGone) =>
        _records.BeginAsync(job, RunnerName.OfThisProcess, _lease, isDurable: !plan.OnlyReads, RecordPatience, callerGone);

    public Task<Job?> RecordAsync(Job job, IdempotencyKey key, CancellationToken cancellationToken) =>
        _records.BeginAsync(job, key, RunnerName.OfThisProcess, _lease, cancellationToken);

    public async Task<Job?> RunAsync(Job job, JobPlan plan, IResultWriter writer, CancellationToken callerGone)
    {
        var attempt = _running.Begin(job);
        Task<Job?> settling;
        JobEnd end;
        JobProgress progress;
        try
        {
            (end, progress) = await _executor.ExecuteAsync(attempt, plan, writer, _drain.Token, callerGone);
            settling = _settler.SettleInlineAsync(job, end, progress, isDurable: !plan.OnlyReads);
        }
        catch
        {
            attempt.Dispose();
            throw;
        }
        // With the store away the end is written later; the caller need not wait for what is known already.
        if (!settling.IsCompleted)
        {
            await ((Task)settling).WaitAsync(SettlePatience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (settling.IsCompleted)
        {
            attempt.Dispose();
            return await settling;
        }
        _ = settling.ContinueWith(_ => attempt.Dispose(), TaskScheduler.Default); // its lease lives until its end is written
        return job with { Status = end.Status ?? job.Status, Failure = end.Failure, Progress = progress };
    }

    public async Task RecoverAsync(Guid jobId, CancellationToken cancellationToken)
    {
        if (await _jobs.FindAsync(jobId, cancellationToken) is { } job
            && await _claims.TakeOverAsync(jobId, job.Attempt, RunnerName.OfThisProcess, _lease, cancellationToken) is { } taken)
        {
            using var attempt = _running.Begin(taken);
            await _settler.SettleAsync(taken, await _executor.RecoverAsync(attempt, cancellationToken), taken.Progress);
        }
    }
}
