using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Secrets;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// The life of an attempt, queued or inline: claimed → resolve earlier attempts → plan → run → settle.
/// <see cref="JobRunner"/> then answers the queue, <see cref="InlineRunner"/> the caller.
/// </summary>
internal sealed partial class JobRun(
    JobStore jobs,
    JobClaims claims,
    AttemptWriter writer,
    PluginJobs pluginJobs,
    EarlierAttempts earlierAttempts,
    SecretReader secretReader,
    JobMetrics metrics,
    StoreRetry retry,
    HeimdallConfig config,
    ILogger<JobRun> logger)
{
    internal static readonly JobFailure ProcessDied = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "The process that ran this job died; the job did not take effect.",
        IsTransient = true,
        IsUndone = true,
    };

    internal static readonly JobFailure ApiStopped = new()
    {
        Kind = JobFailureKind.Unavailable,
        Message = "The API process was stopped; the query was cancelled and did not take effect.",
        IsTransient = true,
        IsUndone = true,
    };

    /// <param name="attempt">
    /// Of a job that this process has claimed. It goes on until its end is settled, and so does its lease.
    /// </param>
    /// <param name="plan">What its plugin planned for it a moment ago; null when it must plan anew.</param>
    /// <param name="rows">Where a query's rows go; null for a batch.</param>
    /// <param name="activity">The attempt's part of the trace; the caller ends it after the attempt is settled.</param>
    /// <param name="stopping">
    /// Fires when this process must stop: the job is handed back if nothing of it took effect.
    /// </param>
    /// <param name="callerGone">Fires when nobody waits for an inline query any more.</param>
    public async Task<EndedAttempt> ExecuteAsync(
        RunningAttempt attempt, JobPlan? plan, IResultWriter? rows, RunActivity activity,
        CancellationToken stopping, CancellationToken callerGone)
    {
        await using var log = new AttemptLog(writer, attempt, config.Worker.Lease, rows as StoredResultWriter);
        var earlier = await ResolveEarlierAsync(attempt, log, stopping);
        var (outcome, progress) = earlier is not null
            ? (earlier, attempt.Job.Progress)
            : await PlanAndRunAsync(attempt, plan, rows, log, activity.Traceparent, stopping, callerGone);
        activity.End(outcome);
        return new EndedAttempt(outcome, progress, await log.CloseAsync()) { HasRun = earlier is null };
    }

    /// <summary>Does not run the job, but finds out how it ended when its process died.</summary>
    public async Task<EndedAttempt> RecoverAsync(RunningAttempt attempt, CancellationToken cancellationToken)
    {
        var outcome = await earlierAttempts.ResolveAsync(attempt.Job, mayRunAgain: false, attempt, cancellationToken)
            ?? new AttemptFailed(ProcessDied);
        return new EndedAttempt(outcome, attempt.Job.Progress, []);
    }

    /// <summary>
    /// Writes the end of the attempt, once, and however long the store is down: no other process knows it.
    /// </summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="ended">How it ended.</param>
    /// <param name="isDurable">False when the flush to disk need not be waited for.</param>
    /// <returns>The job as it ended; null when it goes on without this attempt.</returns>
    public async Task<Job?> SettleAsync(RunningAttempt attempt, EndedAttempt ended, bool isDurable = true)
    {
        var job = attempt.Job;
        switch (ended.Outcome)
        {
            case AttemptLost:
                return null; // it writes nothing any more, not even its log
            case AttemptHandedBack or AttemptPostponed:
                await SaveLogAsync(job, ended.Log);
                await HandBackAsync(job, ended.Outcome.Detail!, (ended.Outcome as AttemptPostponed)?.After);
                if (ended.Outcome is AttemptHandedBack)
                {
                    metrics.HandedBack(job);
                }
                return null;
        }
        var ending = new Ending(job, ended.Outcome.ToStatus()!.Value, isDurable)
        {
            Failure = ended.Outcome.ToFailure(),
            Progress = ended.Progress,
            Detail = ended.Outcome.Detail,
            Rows = job is { ReturnResult: true, IsSync: false } && config.Results.Enabled ? ended.ToRows(config) : null,
            Log = ended.Log,
        };
        var settled = await writer.EndAsync(ending);
        if (settled is not null)
        {
            metrics.Ended(settled, ended.HasRun ? attempt.Age : null);
        }
        LogEnd(settled);
        return settled;
    }

    /// <summary>
    /// Stores what is left of a log whose job goes on. A failure to write the log must not replace the outcome.
    /// </summary>
    public async Task SaveLogAsync(Job job, IReadOnlyList<NewLogPiece> log)
    {
        if (log.Count == 0)
        {
            return;
        }
        try
        {
            await retry.RunAsync(
                _ => writer.SaveAsync(job.Id, job.Attempt, progress: null, log), CancellationToken.None);
        }
        catch (PostgresException exception)
        {
            LogWithoutLog(job.Id, exception.MessageText);
        }
    }

    private async Task<AttemptOutcome?> ResolveEarlierAsync(
        RunningAttempt attempt, AttemptLog log, CancellationToken stopping)
    {
        if (attempt.Attempt == 1)
        {
            return null;
        }
        log.Stdout($"-- attempt {attempt.Attempt}");
        return await earlierAttempts.ResolveAsync(attempt.Job, mayRunAgain: true, attempt, stopping);
    }

    private async Task<(AttemptOutcome, JobProgress)> PlanAndRunAsync(
        RunningAttempt attempt, JobPlan? plan, IResultWriter? rows, AttemptLog log, string? traceparent,
        CancellationToken stopping, CancellationToken callerGone)
    {
        var job = attempt.Job;
        var secrets = job.Secrets;
        using var deadline = new RunDeadline(TimeProvider.System);
        using var stop =
            CancellationTokenSource.CreateLinkedTokenSource(attempt.StopToken, deadline.Token, stopping, callerGone);
        try
        {
            var plugin = pluginJobs.PluginOf(job);
            secrets = await secretReader.FindAsync(job, stop.Token);
            log.Secrets = secrets;
            var pluginJob = pluginJobs.Of(job, rows);
            if (secrets is not null)
            {
                pluginJob = pluginJob with { Context = secrets.Reveal(job.Context) };
            }
            plan ??= plugin.PlanRun(pluginJob.CommandContext, pluginJob.Context, pluginJob.TargetCluster.Context);
            pluginJob = pluginJob with
            {
                Plan = plan,
                PauseDeadline = deadline.Pause,
                Traceparent = config.Tracing.StatementComments ? traceparent : null,
            };
            if (plan.Timeout is { } timeout)
            {
                deadline.Start(timeout);
            }
            var progress = await plugin.RunAsync(pluginJob, log, stop.Token);
            if (rows is StoredResultWriter stored)
            {
                await EndAsync(stored);
                metrics.Stored(job, stored.Bytes);
            }
            return (new AttemptSucceeded(job.Attempt), log.WithStoredRows(secrets?.Redact(progress) ?? progress));
        }
        catch (JobFailedException exception) when (IsUnreadableHere(exception))
        {
            // Nothing of it ran. Its secrets are kept for a process that can read them, or for this one later.
            return Ended(job.IsSync
                ? new AttemptFailed(exception.Failure with { IsTransient = true, IsUndone = true })
                : AttemptPostponed.Because(
                    exception.Message, BackOff.After(job.Attempt, Random.Shared.NextDouble())));
        }
        catch (JobFailedException exception)
        {
            // The limit is set in the session too, and the server may be the first to act on it.
            var failure = secrets?.Redact(exception.Failure) ?? exception.Failure;
            var isTimedOut = failure.Kind == JobFailureKind.TimedOut;
            return Ended(isTimedOut ? new AttemptKilled(failure) : new AttemptFailed(failure));
        }
        catch (JobRefusedException exception)
        {
            return Ended(AttemptFailed.With(
                JobFailureKind.Refused, secrets?.Redact(exception).Message ?? exception.Message));
        }
        catch (AttemptLostException)
        {
            return Ended(new AttemptLost());
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested || job.IsSync)
        {
            return Ended(await WhyStoppedAsync(attempt, PassedLimit(), stopping, callerGone));
        }
        catch (JobInterruptedException exception)
        {
            var effect = secrets?.Redact(exception.Message) ?? exception.Message;
            return Ended(WhyInterrupted(attempt, PassedLimit(), effect, log.Progress));
        }
        catch (Exception exception)
        {
            LogBroken(exception, job.Id, secrets);
            return Ended(AttemptFailed.With(
                JobFailureKind.Internal, "Heimdall failed to run this job; its log has the reason."));
        }

        TimeSpan? PassedLimit() => deadline.HasPassed ? deadline.Limit : null;
        (AttemptOutcome, JobProgress) Ended(AttemptOutcome outcome) => (outcome, log.Progress);
    }

    private static bool IsUnreadableHere(JobFailedException exception) => exception.InnerException
        is ClusterUnreadableException { IsStoreAway: true } or SecretLostException { IsForGood: false };

    /// <summary>
    /// The query has been committed: without its rows the job has failed all the same, but not as one that did nothing.
    /// </summary>
    private static async Task EndAsync(StoredResultWriter stored)
    {
        try
        {
            await stored.EndAsync(CancellationToken.None);
        }
        catch (JobFailedException exception)
        {
            const string Effect = "The query itself has run to its end; if it changed anything, that stays.";
            throw new JobFailedException(
                exception.Failure with { Message = $"{exception.Message} {Effect}" }, exception);
        }
    }

    /// <summary>The token has fired and nothing took effect: only here is it decided why.</summary>
    private async Task<AttemptOutcome> WhyStoppedAsync(
        RunningAttempt attempt, TimeSpan? passedLimit, CancellationToken stopping, CancellationToken callerGone)
    {
        var job = attempt.Job;
        if (attempt.IsLost)
        {
            return new AttemptLost();
        }
        if (attempt.IsCancelRequested)
        {
            return new AttemptCanceled();
        }
        if (passedLimit is { } limit)
        {
            return AttemptKilled.After(limit, "Nothing took effect.");
        }
        if (stopping.IsCancellationRequested && job.IsSync)
        {
            return new AttemptFailed(ApiStopped);
        }
        if (callerGone.IsCancellationRequested || job.IsSync) // the writer may notice first that nobody reads
        {
            await retry.RunAsync(token => jobs.CancelAsync(job.Id, job.User, token), CancellationToken.None);
            return new AttemptCanceled();
        }
        return AttemptHandedBack.Undone;
    }

    /// <summary>
    /// The same when a part of the job has taken effect: then no other attempt may run it, unless its command says that
    /// this does no harm.
    /// </summary>
    private AttemptOutcome WhyInterrupted(
        RunningAttempt attempt, TimeSpan? passedLimit, string effect, JobProgress progress) =>
        (attempt, passedLimit) switch
        {
            ({ IsLost: true }, _) => new AttemptLost(),
            ({ IsCancelRequested: true }, _) => new AttemptCanceled(),
            (_, { } limit) => AttemptKilled.After(limit, ResumeHint.AddTo(effect, attempt.JobId, progress)),
            _ when pluginJobs.IsIdempotent(attempt.Job) => AttemptHandedBack.Idempotent(effect),
            _ => AttemptFailed.With(
                JobFailureKind.Interrupted,
                $"The worker was stopped. {ResumeHint.AddTo(effect, attempt.JobId, progress)}"),
        };

    private Task<bool> HandBackAsync(Job job, string detail, TimeSpan? askAfter) =>
        retry.RunAsync(
            token => claims.HandBackAsync(job.Id, job.Attempt, detail, askAfter, token), CancellationToken.None);

    private void LogBroken(Exception exception, Guid jobId, JobSecrets? secrets)
    {
        if (secrets is null)
        {
            LogBroken(exception, jobId);
        }
        else
        {
            LogBrokenWithSecrets(jobId, secrets.Redact(exception.ToString()));
        }
    }

    private void LogEnd(Job? settled)
    {
        if (settled?.Failure is { } failure)
        {
            LogEndedBadly(settled.Id, settled.Status.ToName(), failure.Kind, failure.SqlState ?? "no SQLSTATE");
        }
        else if (settled is { IsSync: false })
        {
            LogEnded(settled.Id, settled.Status.ToName());
        }
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}")]
    private partial void LogEnded(Guid jobId, string status);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}: {Kind}, {SqlState}")]
    private partial void LogEndedBadly(Guid jobId, string status, JobFailureKind kind, string sqlState);

    [LoggerMessage(LogLevel.Error, "Job {JobId}: the rest of its log could not be stored: {Reason}")]
    private partial void LogWithoutLog(Guid jobId, string reason);

    [LoggerMessage(LogLevel.Error, "Job {JobId} failed for a reason that is Heimdall's own")]
    private partial void LogBroken(Exception exception, Guid jobId);

    [LoggerMessage(
        LogLevel.Error, "Job {JobId}, which has secrets, failed for a reason that is Heimdall's own: {Reason}")]
    private partial void LogBrokenWithSecrets(Guid jobId, string reason);
}

/// <summary>An attempt that has come to its end, which is not written yet.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Progress">How far it came.</param>
/// <param name="Log">What of its log is not stored yet.</param>
internal sealed record EndedAttempt(AttemptOutcome Outcome, JobProgress Progress, IReadOnlyList<NewLogPiece> Log)
{
    /// <summary>False of one that only found out how an earlier attempt ended.</summary>
    public bool HasRun { get; init; }

    /// <returns>What is recorded of the rows that are stored; null when the job did not succeed.</returns>
    public StoredRows? ToRows(HeimdallConfig config) => Outcome is AttemptSucceeded { Attempt: var attempt }
        ? new StoredRows(attempt, Progress.RowCount ?? 0, Progress.Truncated ?? false, config.Results.Retention)
        : null;
}
