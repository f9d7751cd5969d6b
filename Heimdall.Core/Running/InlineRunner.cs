using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Hosting;

namespace Heimdall.Core.Running;

/// <inheritdoc />
internal sealed class InlineRunner : IInlineRunner, IDisposable
{
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(3);

    private readonly JobStore _jobs;
    private readonly JobClaims _claims;
    private readonly AttemptExecutor _executor;
    private readonly JobSettler _settler;
    private readonly TimeSpan _lease;
    private readonly CancellationTokenSource _stopping = new();

    public InlineRunner(
        JobStore jobs, JobClaims claims, AttemptExecutor executor, JobSettler settler, HeimdallConfig config, IHostApplicationLifetime lifetime)
    {
        _jobs = jobs;
        _claims = claims;
        _executor = executor;
        _settler = settler;
        _lease = config.Worker.Lease;
        lifetime.ApplicationStopping.Register(() => _stopping.CancelAfter(config.Worker.DrainTimeout));
    }

    public async Task<Job?> RunAsync(Job job, IResultWriter writer, CancellationToken callerGone)
    {
        var (end, progress) = await _executor.ExecuteAsync(job, writer, _stopping.Token, callerGone);
        var settling = _settler.SettleAsync(job, end, progress);
        // With the store away the end is written later; the caller need not wait for what is known already.
        await Task.WhenAny(settling, Task.Delay(SettlePatience, CancellationToken.None));
        return settling.IsCompleted ? await settling : job with { Status = end.Status ?? job.Status, Failure = end.Failure, Progress = progress };
    }

    public async Task RecoverAsync(Guid jobId, CancellationToken cancellationToken)
    {
        if (await _jobs.FindAsync(jobId, cancellationToken) is { } job
            && await _claims.TakeOverAsync(jobId, job.Attempt, RunnerName.OfThisProcess, _lease, cancellationToken) is { } taken)
        {
            await _settler.SettleAsync(taken, await _executor.RecoverAsync(taken, cancellationToken), taken.Progress);
        }
    }

    public void Dispose() => _stopping.Dispose();
}
