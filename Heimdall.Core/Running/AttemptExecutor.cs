using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>Runs one attempt of a job, queued or inline: resolve plugin → ask what earlier attempts did → deadline → execute → say how it ended.</summary>
internal sealed partial class AttemptExecutor(
    JobStore jobs,
    JobClaims claims,
    JobLogStore logs,
    PluginJobs pluginJobs,
    EarlierAttempts earlierAttempts,
    HeimdallConfig config,
    ILogger<AttemptExecutor> logger)
{
    /// <param name="attempt">Of a job that this process has claimed. It goes on until its end is written, and so does its lease.</param>
    /// <param name="plan">What its plugin planned for it a moment ago; null when it must plan anew.</param>
    /// <param name="writer">Where a query's rows go; null for a batch.</param>
    /// <param name="stopping">Fires when this process must stop: the job is handed back if nothing of it took effect.</param>
    /// <param name="callerGone">Fires when nobody waits for an inline query any more.</param>
    public async Task<(JobEnd End, JobProgress Progress)> ExecuteAsync(
        RunningAttempt attempt, JobPlan? plan, IResultWriter? writer, CancellationToken stopping, CancellationToken callerGone)
    {
        var job = attempt.Job;
        using var deadline = new CancellationTokenSource();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(attempt.StopToken, deadline.Token, stopping, callerGone);
        await using var monitor = new JobMonitor(claims, logs, attempt, config.Worker.Lease);
        TimeSpan? limit = null;
        try
        {
            if (job.Attempt > 1)
            {
                monitor.Stdout($"-- attempt {job.Attempt}");
                if (await earlierAttempts.JudgeAsync(job, mayRunAgain: true, attempt, stopping) is { } earlier)
                {
                    return (earlier, job.Progress);
                }
            }
            var plugin = pluginJobs.PluginOf(job);
            var pluginJob = pluginJobs.Of(job, writer);
            pluginJob = pluginJob with { Plan = plan ?? plugin.Plan(pluginJob.CommandContext, pluginJob.Context, pluginJob.TargetCluster.Context) };
            limit = pluginJob.Plan.Timeout;
            if (limit is { } timeout)
            {
                deadline.CancelAfter(timeout);
            }
            var progress = await plugin.RunAsync(pluginJob, monitor, stop.Token);
            if (writer is StoredResultWriter stored)
            {
                await EndAsync(stored);
            }
            return (JobEnd.Succeeded, progress);
        }
        catch (JobFailedException exception)
        {
            // The limit is set in the session too, and the server may be the first to act on it.
            var timedOut = exception.Failure.Kind == JobFailureKind.TimedOut;
            return (timedOut ? JobEnd.Killed(exception.Failure) : JobEnd.Failed(exception.Failure), monitor.Progress);
        }
        catch (JobRefusedException exception)
        {
            return (JobEnd.Failed(new JobFailure { Kind = JobFailureKind.Refused, Message = exception.Message }), monitor.Progress);
        }
        catch (AttemptLostException)
        {
            return (JobEnd.Lost, monitor.Progress);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested || job.IsSync)
        {
            return (await WhyStoppedAsync(job, attempt, deadline.IsCancellationRequested ? limit : null, stopping, callerGone), monitor.Progress);
        }
        catch (JobInterruptedException exception)
        {
            return (WhyInterrupted(job, attempt, deadline.IsCancellationRequested ? limit : null, exception.Message, monitor.Progress), monitor.Progress);
        }
        catch (Exception exception)
        {
            LogBroken(exception, job.Id);
            return (JobEnd.Failed(new JobFailure { Kind = JobFailureKind.Internal, Message = "Heimdall failed to run this job; its log has the reason." }), monitor.Progress);
        }
    }

    /// <summary>Does not run the job, but finds out how it ended when its process died.</summary>
    public async Task<JobEnd> RecoverAsync(RunningAttempt attempt, CancellationToken cancellationToken) =>
        await earlierAttempts.JudgeAsync(attempt.Job, mayRunAgain: false, attempt, cancellationToken) ?? JobEnd.Failed(new JobFailure
        {
            Kind = JobFailureKind.Unavailable,
            Message = "The process that ran this job died; the job did not take effect.",
        });

    /// <summary>The query has been committed: without its rows the job has failed all the same, but not as one that did nothing.</summary>
    private static async Task EndAsync(StoredResultWriter stored)
    {
        try
        {
            await stored.EndAsync(CancellationToken.None);
        }
        catch (JobFailedException exception)
        {
            throw new JobFailedException(
                exception.Failure with { Message = $"{exception.Message} The query itself has run to its end; if it changed anything, that stays." }, exception);
        }
    }

    /// <summary>The token has fired and nothing took effect: only here is it decided why.</summary>
    private async Task<JobEnd> WhyStoppedAsync(
        Job job, RunningAttempt attempt, TimeSpan? passedLimit, CancellationToken stopping, CancellationToken callerGone)
    {
        if (attempt.IsLost)
        {
            return JobEnd.Lost;
        }
        if (attempt.IsCancelRequested)
        {
            return JobEnd.Canceled;
        }
        if (passedLimit is { } limit)
        {
            return JobEnd.Killed(limit, "Nothing took effect.");
        }
        if (stopping.IsCancellationRequested && job.IsSync)
        {
            return JobEnd.Failed(new JobFailure
            {
                Kind = JobFailureKind.Unavailable,
                Message = "The API process was stopped; the query was cancelled and did not take effect.",
            });
        }
        if (callerGone.IsCancellationRequested || job.IsSync) // the writer may notice first that nobody reads
        {
            await StoreRetry.RunAsync(token => jobs.CancelAsync(job.Id, job.User, token), CancellationToken.None);
            return JobEnd.Canceled;
        }
        return JobEnd.HandedBack;
    }

    /// <summary>The same when a part of the job has taken effect: then it cannot be handed to anybody, unless its command says that this does no harm.</summary>
    private JobEnd WhyInterrupted(Job job, RunningAttempt attempt, TimeSpan? passedLimit, string effect, JobProgress progress) => (attempt, passedLimit) switch
    {
        ({ IsLost: true }, _) => JobEnd.Lost,
        ({ IsCancelRequested: true }, _) => JobEnd.Canceled,
        (_, { } limit) => JobEnd.Killed(limit, WayOn.AddTo(effect, job.Id, progress)),
        _ when pluginJobs.IsIdempotent(job) => JobEnd.HandedBackOnItsWay(effect),
        _ => JobEnd.Failed(new JobFailure { Kind = JobFailureKind.Interrupted, Message = $"The worker was stopped. {WayOn.AddTo(effect, job.Id, progress)}" }),
    };

    [LoggerMessage(LogLevel.Error, "Job {JobId} failed for a reason that is Heimdall's own")]
    private partial void LogBroken(Exception exception, Guid jobId);
}
