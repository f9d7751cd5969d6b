using System.Diagnostics;
using Heimdall.Core.Catalog;
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
    LiveCatalog catalog,
    ClusterContexts contexts,
    PluginCatalog plugins,
    RunningJobs running,
    HeimdallConfig config,
    ILogger<AttemptExecutor> logger)
{
    private const string Died = "The process that ran this job died, and whether the work took effect cannot be told. Look before you run it again.";

    /// <summary>How long to wait for a cluster that must say what became of a job's earlier attempt.</summary>
    private static readonly TimeSpan FatePatience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FateInterval = TimeSpan.FromSeconds(1);

    /// <param name="job">The job, claimed by this process.</param>
    /// <param name="plan">What its plugin planned for it a moment ago; null when it must plan anew.</param>
    /// <param name="writer">Where a query's rows go; null for a batch.</param>
    /// <param name="stopping">Fires when this process must stop: the job is handed back if nothing of it took effect.</param>
    /// <param name="callerGone">Fires when nobody waits for an inline query any more.</param>
    public async Task<(JobEnd End, JobProgress Progress)> ExecuteAsync(
        Job job, JobPlan? plan, IResultWriter? writer, CancellationToken stopping, CancellationToken callerGone)
    {
        using var attempt = running.Begin(job);
        using var deadline = new CancellationTokenSource();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(attempt.StopToken, deadline.Token, stopping, callerGone);
        await using var monitor = new JobMonitor(claims, logs, job, config.Worker.Lease);
        TimeSpan? limit = null;
        try
        {
            if (job.Attempt > 1)
            {
                monitor.Stdout($"-- attempt {job.Attempt}");
                if (await JudgeEarlierAsync(job, attempt, stopping) is { } earlier)
                {
                    return (earlier, job.Progress);
                }
            }
            var plugin = PluginOf(job);
            var pluginJob = ToPluginJob(job, writer);
            pluginJob = pluginJob with { Plan = plan ?? plugin.Plan(pluginJob.CommandContext, pluginJob.Context) };
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
            return (WhyInterrupted(attempt, deadline.IsCancellationRequested ? limit : null, exception.Message), monitor.Progress);
        }
        catch (Exception exception)
        {
            LogBroken(exception, job.Id);
            return (JobEnd.Failed(new JobFailure { Kind = JobFailureKind.Internal, Message = "Heimdall failed to run this job; its log has the reason." }), monitor.Progress);
        }
    }

    /// <summary>Does not run the job, but finds out how it ended when its process died.</summary>
    public async Task<JobEnd> RecoverAsync(Job job, CancellationToken cancellationToken)
    {
        using var attempt = running.Begin(job);
        return await JudgeEarlierAsync(job, attempt, cancellationToken) ?? JobEnd.Failed(new JobFailure
        {
            Kind = JobFailureKind.Unavailable,
            Message = "The process that ran this job died; the job did not take effect.",
        });
    }

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

    /// <summary>What the job's earlier attempts made of it.</summary>
    /// <returns>How the job ends, or null when it can run (again).</returns>
    private async Task<JobEnd?> JudgeEarlierAsync(Job job, RunningAttempt attempt, CancellationToken stopping)
    {
        try
        {
            // Not ended by a cancel: "canceled" would be a lie if the earlier attempt has committed.
            var fate = await FindFateAsync(PluginOf(job), ToPluginJob(job, results: null), stopping);
            return FateToEnd(fate, job, isCanceled: attempt.IsCancelRequested || job.Status == JobStatus.Canceling);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return JobEnd.HandedBack; // the next process asks
        }
        catch (Exception exception)
        {
            // The command or cluster is no longer configured, or the plugin is at a loss: nothing is known, and nothing is claimed.
            LogFateUnknown(job.Id, exception.Message);
            return FateToEnd(AttemptFate.Unknown, job, isCanceled: false);
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

    /// <summary>The same when a part of the job has taken effect: then it cannot be handed to anybody.</summary>
    private static JobEnd WhyInterrupted(RunningAttempt attempt, TimeSpan? passedLimit, string effect) => (attempt, passedLimit) switch
    {
        ({ IsLost: true }, _) => JobEnd.Lost,
        ({ IsCancelRequested: true }, _) => JobEnd.Canceled,
        (_, { } limit) => JobEnd.Killed(limit, effect),
        _ => JobEnd.Failed(new JobFailure { Kind = JobFailureKind.Interrupted, Message = $"The worker was stopped. {effect}" }),
    };

    /// <summary>What became of all earlier attempts taken together. One that committed decides; so does one of which nobody can tell.</summary>
    private async Task<AttemptFate> FindFateAsync(IPlugin plugin, PluginJob job, CancellationToken cancellationToken)
    {
        var result = AttemptFate.NothingHappened;
        var lost = await StoreRetry.RunAsync(token => claims.FindLostAsync(job.Id, job.Attempt, token), cancellationToken);
        foreach (var (number, evidence) in lost)
        {
            var fate = await AskAsync(plugin, job with { Attempt = number }, evidence, cancellationToken);
            LogFate(job.Id, number, fate);
            if (fate == AttemptFate.Committed)
            {
                return fate;
            }
            result = fate == AttemptFate.NothingHappened ? result : fate;
        }
        return result;
    }

    private async Task<AttemptFate> AskAsync(IPlugin plugin, PluginJob job, string? evidence, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await plugin.FindFateAsync(job, evidence, cancellationToken);
            }
            catch (JobFailedException exception)
            {
                // The cluster may be what took the worker down with it: it will come back and tell.
                LogFateUnknown(job.Id, exception.Message);
                if (Stopwatch.GetElapsedTime(started) >= FatePatience)
                {
                    return AttemptFate.Unknown;
                }
            }
            await Task.Delay(FateInterval, cancellationToken);
        }
    }

    /// <returns>How the job ends without running again, or null when it can run.</returns>
    private static JobEnd? FateToEnd(AttemptFate fate, Job job, bool isCanceled) => fate switch
    {
        AttemptFate.Committed => JobEnd.Succeeded,
        AttemptFate.NothingHappened or AttemptFate.Interrupted when isCanceled => JobEnd.Canceled,
        AttemptFate.NothingHappened => null,
        AttemptFate.Interrupted => JobEnd.Failed(new JobFailure { Kind = JobFailureKind.Interrupted, Message = InterruptedAfter(job.Progress.Statements) }),
        _ => JobEnd.Failed(new JobFailure
        {
            Kind = JobFailureKind.OutcomeUnknown,
            Message = Died,
        }),
    };

    private static string InterruptedAfter(long? statements) =>
        $"The process that ran this job died on its way. Its statements commit by themselves: {statements ?? 0} were known to be done and stay done, those behind them may be. Look before you run the rest.";

    private IPlugin PluginOf(Job job) =>
        catalog.Current.FindCommand(job.CommandId) is { } command && plugins.Find(command.Plugin) is { } plugin
            ? plugin
            : throw new JobFailedException(JobFailureKind.Refused, $"Command '{job.CommandId}' no longer exists, or its plugin is not part of this process.");

    private PluginJob ToPluginJob(Job job, IResultWriter? results) => new()
    {
        Id = job.Id,
        Attempt = job.Attempt,
        TargetCluster = contexts.Resolve(job.ClusterId),
        CommandContext = catalog.Current.FindCommand(job.CommandId)?.Context ?? [],
        Context = job.Context,
        Results = results,
    };

    [LoggerMessage(LogLevel.Information, "Job {JobId}: what became of attempt {Attempt}: {Fate}")]
    private partial void LogFate(Guid jobId, int attempt, AttemptFate fate);

    [LoggerMessage(LogLevel.Warning, "Job {JobId}: what became of its earlier attempt cannot be found out: {Reason}")]
    private partial void LogFateUnknown(Guid jobId, string reason);

    [LoggerMessage(LogLevel.Error, "Job {JobId} failed for a reason that is Heimdall's own")]
    private partial void LogBroken(Exception exception, Guid jobId);
}
