using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Running;

namespace Heimdall.Benchmarks.Executors;

/// <summary>An attempt that is watched and stored as in a worker.</summary>
internal sealed class RecordedAttempt(JobClaims claims, JobLogStore logs, Job job, TimeSpan lease) : IAsyncDisposable
{
    private readonly JobMonitor _monitor = new(claims, logs, new RunningAttempt(job, _ => { }), lease);
    private bool _isSettled;

    public IJobMonitor Monitor => _monitor;

    /// <summary>Stores the rest of the log and the job's end.</summary>
    public async Task SettleAsync(JobProgress progress)
    {
        _isSettled = true;
        await _monitor.DisposeAsync();
        await claims.SettleAsync(job.Id, job.Attempt, JobStatus.Succeeded, failure: null, progress, detail: null, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isSettled)
        {
            await _monitor.DisposeAsync();
        }
    }
}
