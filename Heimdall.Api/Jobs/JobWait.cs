using Heimdall.Api.Live;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Submission;
using Npgsql;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Waits for the end of a job on behalf of a caller who asked to (<c>Prefer: wait=N</c>), and cancels it then if they
/// asked for that (<c>on_wait_timeout</c>).
/// </summary>
internal sealed class JobWait(JobStore jobs, JobCanceller canceller, JobWatcher watcher, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(20);

    /// <summary>Most jobs have ended by the time that the looks are so far apart. The others are watched.</summary>
    private static readonly TimeSpan LastPause = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a job that has been cancelled may take to end, before it is shown as it is.</summary>
    private static readonly TimeSpan CancelTime = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Waits if the caller would, and says so in the reply. Who watches as many jobs as a caller may is not waited for.
    /// </summary>
    /// <returns>The job as it is then.</returns>
    public async Task<Job> AsPreferredAsync(
        HttpContext context, Job job, Preferences preferences, CancellationToken cancellationToken)
    {
        if (preferences.Wait is not { } wait || (!job.Status.IsFinal() && watcher.TakePlace(context, job.Id) is not null))
        {
            return job;
        }
        context.Response.Headers.Append("Preference-Applied", $"wait={wait.TotalSeconds:0}");
        try
        {
            job = await UntilEndedAsync(job, wait, cancellationToken);
        }
        catch (OperationCanceledException) when (preferences.CancelsAfterWait)
        {
            await TryCancelAsync(job); // nobody waits for it any more
            throw;
        }
        // A process that is asked to stop has cut the wait short: the job goes on.
        return job.Status.IsFinal() || !preferences.CancelsAfterWait || lifetime.ApplicationStopping.IsCancellationRequested
            ? job
            : await UntilEndedAsync(await TryCancelAsync(job), CancelTime, cancellationToken);
    }

    /// <returns>The job when it has ended, when the time is over or when this process is asked to stop, whichever comes first.</returns>
    private async Task<Job> UntilEndedAsync(Job job, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        deadline.CancelAfter(wait);
        try
        {
            for (var pause = FirstLook; pause < LastPause && !job.Status.IsFinal(); pause *= 1.5)
            {
                await Task.Delay(pause, deadline.Token);
                job = await LookAsync(job, cancellationToken);
            }
            if (!job.Status.IsFinal())
            {
                await foreach (var _ in watcher.WatchAsync(job.Id, untilKeysChange: false, deadline.Token))
                {
                    // The last news is the end.
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time is over.
        }
        return job.Status.IsFinal() ? job : await LookAsync(job, cancellationToken);
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

    /// <summary>The same of a cancel: the job goes on, and the answer says so.</summary>
    private async Task<Job> TryCancelAsync(Job job)
    {
        try
        {
            return await canceller.CancelAsync(job.Id, job.User, CancellationToken.None) is var (canceled, _) ? canceled : job;
        }
        catch (NpgsqlException exception) when (StoreRetry.IsAway(exception))
        {
            return job;
        }
    }
}
