using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>Writes the end of a job: once, and however long the store is away, for nobody else knows it.</summary>
internal sealed partial class JobSettler(
    JobStore jobs, JobClaims claims, InlineRecords records, ResultStore results, HeimdallConfig config, ILogger<JobSettler> logger)
{
    /// <returns>The job as it ended, or null when the attempt has no (or no more) say in that.</returns>
    public async Task<Job?> SettleAsync(Job job, JobEnd end, JobProgress progress)
    {
        if (end.Status is not { } status)
        {
            return null;
        }
        try
        {
            var settled = await StoreRetry.RunAsync(token => WriteEndAsync(job, status, end, progress, token), CancellationToken.None);
            if (settled is not null && end.Failure is null)
            {
                LogEnded(job.Id, status.ToName());
            }
            return Told(settled, end);
        }
        catch (AttemptLostException)
        {
            return null;
        }
    }

    /// <summary>The same for an inline query.</summary>
    /// <param name="job">As it was recorded.</param>
    /// <param name="end">How it ended.</param>
    /// <param name="progress">What it did.</param>
    /// <param name="isDurable">False when the flush to disk need not be waited for.</param>
    public async Task<Job?> SettleInlineAsync(Job job, JobEnd end, JobProgress progress, bool isDurable)
    {
        if (end.Status is not { } status)
        {
            return null;
        }
        return Told(await StoreRetry.RunAsync(token => WriteInlineEndAsync(job, status, end.Failure, progress, isDurable, token), CancellationToken.None), end);
    }

    private Job? Told(Job? settled, JobEnd end)
    {
        if (settled is not null && end.Failure is { } failure)
        {
            LogEndedBadly(settled.Id, settled.Status.ToName(), failure.Kind, failure.SqlState ?? "no SQLSTATE");
        }
        return settled;
    }

    private async Task<Job?> WriteInlineEndAsync(
        Job job, JobStatus status, JobFailure? failure, JobProgress progress, bool isDurable, CancellationToken cancellationToken)
    {
        if (await records.EndAsync(job, status, failure, progress, isDurable) is { } settled)
        {
            return settled;
        }
        if (await jobs.FindAsync(job.Id, cancellationToken) is { } found)
        {
            if (found.Attempt != job.Attempt || found.Status.IsFinal())
            {
                return found.Attempt == job.Attempt ? found : null;
            }
            // Lost, and brought back in this moment with the renewal of its lease.
            return await records.EndAsync(job, status, failure, progress, isDurable);
        }
        // The store's server has crashed before it had the record on disk.
        await records.RestoreAsync(job, RunnerName.OfThisProcess, config.Worker.Lease, isDurable);
        return await records.EndAsync(job, status, failure, progress, isDurable);
    }

    private async Task<Job?> WriteEndAsync(Job job, JobStatus status, JobEnd end, JobProgress progress, CancellationToken cancellationToken)
    {
        if (status == JobStatus.Succeeded && !job.IsSync && config.Results.Enabled)
        {
            await CompleteResultAsync(job, progress, cancellationToken);
        }
        if (await claims.SettleAsync(job.Id, job.Attempt, status, end.Failure, progress, end.Detail, cancellationToken) is { } settled)
        {
            return settled;
        }
        // Either somebody else's, or written by an earlier try whose answer was lost.
        var found = await jobs.FindAsync(job.Id, cancellationToken);
        return found is not null && found.Attempt == job.Attempt && found.Status.IsFinal() ? found : null;
    }

    private async Task CompleteResultAsync(Job job, JobProgress progress, CancellationToken cancellationToken)
    {
        var result = new ResultKey(job.Id, job.Attempt);
        var rows = progress.RowCount ?? 0;
        if (!job.ReturnResult)
        {
            rows = 1; // a batch's result is one row that says so, as in the original
            await StoredMessage.WriteAsync(results, result, BatchMessage(progress), cancellationToken);
        }
        await results.CompleteAsync(result, rows, progress.Truncated ?? false, config.Results.Retention, cancellationToken);
    }

    private static string BatchMessage(JobProgress progress) => progress.Statements == 1
        ? "1 statement executed successfully"
        : $"{progress.Statements ?? 0} statements executed successfully";

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}")]
    private partial void LogEnded(Guid jobId, string status);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}: {Kind}, {SqlState}")]
    private partial void LogEndedBadly(Guid jobId, string status, JobFailureKind kind, string sqlState);
}
