using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Api.Jobs;

/// <summary>Waits for the end of a job on behalf of a caller who asked to (<c>Prefer: wait=N</c>).</summary>
internal sealed class JobWait(JobStore jobs, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <returns>The job when it has ended, when the time is over or when this process is asked to stop, whichever comes first.</returns>
    public async Task<Job> UntilEndedAsync(Job job, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        deadline.CancelAfter(wait);
        for (var pause = FirstLook; !job.Status.IsFinal(); pause = pause < LongestPause ? pause * 1.5 : LongestPause)
        {
            try
            {
                await Task.Delay(pause, deadline.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return await LookAsync(job, cancellationToken);
            }
            job = await LookAsync(job, cancellationToken);
        }
        return job;
    }

    /// <summary>With the store away the job is as it was: an answer that says less would have it submitted again.</summary>
    private async Task<Job> LookAsync(Job job, CancellationToken cancellationToken)
    {
        try
        {
            return await jobs.FindAsync(job.Id, cancellationToken) ?? job;
        }
        catch (NpgsqlException exception) when (StoreRetry.IsAway(exception))
        {
            return job;
        }
    }
}
