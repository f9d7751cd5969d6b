using System.Diagnostics;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>Finds out what a job's earlier attempts have made of it, and makes sure that they are over.</summary>
internal sealed partial class EarlierAttempts(
    JobAttempts attempts, PluginJobs pluginJobs, StoreRetry retry, HeimdallConfig config, ILogger<EarlierAttempts> logger)
{
    private const string Died = "The process that ran this job died, and it is not known whether the work took effect. "
        + "Look before you run it again.";

    /// <summary>How long to wait for a cluster that must say what became of a queued job's earlier attempt, before others get the place.</summary>
    private static readonly TimeSpan FatePatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FateInterval = TimeSpan.FromSeconds(1);

    /// <param name="job">The job, claimed by this process.</param>
    /// <param name="mayRunAgain">False when the job is not to be run any more, whatever it says: an inline query has no caller left.</param>
    /// <param name="attempt">Knows whether a cancel has been asked for.</param>
    /// <param name="stopping">Fires when this process must stop.</param>
    /// <returns>How the job ends, or null when it can run (again).</returns>
    public async Task<AttemptOutcome?> ResolveAsync(
        Job job, bool mayRunAgain, RunningAttempt attempt, CancellationToken stopping)
    {
        try
        {
            // Not ended by a cancel: "canceled" would be a lie if the earlier attempt has committed.
            var earlier = await retry.RunAsync(
                token => attempts.ListEarlierAsync(job.Id, job.Attempt, token), stopping);
            var (fate, number) = await FindFateAsync(job, earlier, stopping);
            var isCanceled = attempt.IsCancelRequested || job.Status == JobStatus.Canceling;
            var end = ToOutcome(fate, number, job, isCanceled);
            var doesNoHarm = end is AttemptFailed && mayRunAgain && !isCanceled && pluginJobs.IsIdempotent(job);
            var decided = doesNoHarm ? null : end;
            return (decided ?? (mayRunAgain ? FindEndOfDeadly(earlier) : null))?.FoundOut();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The next process asks.
            return AttemptPostponed.Because(
                "Its worker was told to stop before the cluster had said what became of the attempts before it.",
                TimeSpan.Zero);
        }
        catch (ClusterAwayException exception)
        {
            // It may be what took the worker down with it: it will come back and tell.
            return AttemptPostponed.Because(
                $"The cluster could not say what became of the attempts before it: {exception.Message}",
                BackOff.After(job.Attempt, Random.Shared.NextDouble()));
        }
        catch (JobFailedException exception) when (exception.InnerException is ClusterUnreadableException)
        {
            return AttemptPostponed.Because(
                $"The cluster could not be asked what became of the attempts before it: {exception.Message}",
                BackOff.After(job.Attempt, Random.Shared.NextDouble()));
        }
        catch (StillThereException exception)
        {
            // This attempt has done nothing, and may be followed by another.
            return new AttemptFailed(exception.Failure with { IsTransient = true, IsUndone = true });
        }
        catch (Exception exception)
        {
            // The command or cluster is no longer configured, or the plugin is at a loss: nothing is known, and nothing is claimed.
            LogFateUnknown(job.Id, exception.Message);
            return ToOutcome(AttemptFate.Unknown, job.Attempt, job, isCanceled: false)?.FoundOut();
        }
    }

    /// <summary>
    /// What became of all earlier attempts taken together, and of which one it is known. One that committed decides; so
    /// does one whose outcome nobody knows.
    /// </summary>
    private async Task<(AttemptFate Fate, int Attempt)> FindFateAsync(
        Job job, IReadOnlyList<JobAttempt> all, CancellationToken cancellationToken)
    {
        var result = (AttemptFate.NothingHappened, job.Attempt);
        if (all.Count == 0)
        {
            return result; // nobody is asked, so the cluster need not be known
        }
        var plugin = pluginJobs.PluginOf(job);
        var pluginJob = pluginJobs.Of(job, results: null);
        foreach (var earlier in all)
        {
            var isLost = IsLost(earlier);
            var fate = await AskAsync(plugin, pluginJob with { Attempt = earlier.Number }, earlier.Evidence, isLost, waits: job.IsSync, cancellationToken);
            LogFate(job.Id, earlier.Number, fate);
            if (isLost)
            {
                await retry.RunAsync(
                    async token =>
                    {
                        await attempts.AddDetailAsync(job.Id, earlier.Number, Describe(fate), token);
                        return true;
                    },
                    cancellationToken);
            }
            if (fate == AttemptFate.Committed)
            {
                return (fate, earlier.Number);
            }
            // One that failed, and has a successor all the same, was known to have done nothing that matters. It had to be over.
            result = fate == AttemptFate.NothingHappened || !isLost ? result : (fate, earlier.Number);
        }
        return result;
    }

    private static bool IsLost(JobAttempt attempt) => attempt.Outcome is null or JobAttempt.Lost;

    /// <summary>A job that takes its workers down with it is not given to another one for ever.</summary>
    /// <param name="earlier">Its attempts so far, the newest first.</param>
    private AttemptFailed? FindEndOfDeadly(IReadOnlyList<JobAttempt> earlier)
    {
        var lost = earlier.TakeWhile(IsLost).Count();
        return lost < config.Worker.MaxLostAttempts
            ? null
            : AttemptFailed.With(
                JobFailureKind.Interrupted,
                $"{lost} workers in a row died while they ran it. It is not given to another one (worker.max_lost_attempts).");
    }

    private async Task<AttemptFate> AskAsync(IPlugin plugin, PluginJob job, string? evidence, bool isLost, bool waits, CancellationToken cancellationToken)
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
                LogFateUnknown(job.Id, exception.Message);
                if (!isLost)
                {
                    throw new StillThereException(exception.Failure);
                }
                if (!waits && Stopwatch.GetElapsedTime(started) >= FatePatience)
                {
                    throw new ClusterAwayException(exception.Message);
                }
            }
            await Task.Delay(FateInterval, cancellationToken);
        }
    }

    /// <returns>How the job ends without running again, or null when it can run.</returns>
    private static AttemptOutcome? ToOutcome(AttemptFate fate, int attempt, Job job, bool isCanceled) => fate switch
    {
        AttemptFate.Committed => new AttemptSucceeded(attempt),
        AttemptFate.NothingHappened or AttemptFate.Interrupted when isCanceled => new AttemptCanceled(),
        AttemptFate.NothingHappened => null,
        AttemptFate.Interrupted => AttemptFailed.With(JobFailureKind.Interrupted, InterruptedAfter(job)),
        _ => AttemptFailed.With(JobFailureKind.OutcomeUnknown, Died),
    };

    private static string InterruptedAfter(Job job)
    {
        var first = job.Resume?.Statement ?? 1;
        var done = DoneStatements.Tell(first, job.Progress.ResumeFrom ?? first, job.Progress.Errors);
        var known = $"The process that ran this job died on its way. Its statements commit by themselves: {done}";
        return ResumeHint.AddTo(
            $"{known}; those behind may be done too. Look before you run the rest.", job.Id, job.Progress);
    }

    private static string Describe(AttemptFate fate) => fate switch
    {
        AttemptFate.Committed => "Its work was found to be committed.",
        AttemptFate.NothingHappened => "Nothing of it took effect.",
        AttemptFate.Interrupted => "What it had done by then stays.",
        _ => "It is not known whether it took effect.",
    };

    /// <summary>Of an attempt that failed, nobody can make sure now that it is over.</summary>
    private sealed class StillThereException(JobFailure failure) : Exception(failure.Message)
    {
        public JobFailure Failure { get; } = failure;
    }

    /// <summary>Nobody can be asked now what became of an attempt.</summary>
    private sealed class ClusterAwayException(string reason) : Exception(reason);

    [LoggerMessage(LogLevel.Information, "Job {JobId}: what became of attempt {Attempt}: {Fate}")]
    private partial void LogFate(Guid jobId, int attempt, AttemptFate fate);

    [LoggerMessage(LogLevel.Warning, "Job {JobId}: what became of its earlier attempt cannot be found out: {Reason}")]
    private partial void LogFateUnknown(Guid jobId, string reason);
}
