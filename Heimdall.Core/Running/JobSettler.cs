using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Running;

/// <summary>Writes the end of a job: once, and however long the store is away, for nobody else knows it.</summary>
internal sealed partial class JobSettler(
    JobStore jobs, JobClaims claims, ResultStore results, HeimdallConfig config, ILogger<JobSettler> logger)
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
            var settled = await StoreRetry.RunAsync(token => WriteEndAsync(job, status, end.Failure, progress, token), CancellationToken.None);
            if (settled is not null)
            {
                if (end.Failure is { } failure)
                {
                    LogEndedBadly(job.Id, status.ToName(), failure.Kind, failure.SqlState ?? "no SQLSTATE");
                }
                else
                {
                    LogEnded(job.Id, status.ToName());
                }
            }
            return settled;
        }
        catch (AttemptLostException)
        {
            return null;
        }
    }

    private async Task<Job?> WriteEndAsync(Job job, JobStatus status, JobFailure? failure, JobProgress progress, CancellationToken cancellationToken)
    {
        if (status == JobStatus.Succeeded && !job.IsSync && config.Results.Enabled)
        {
            await CompleteResultAsync(job, progress, cancellationToken);
        }
        if (await claims.SettleAsync(job.Id, job.Attempt, status, failure, progress, cancellationToken) is { } settled)
        {
            return settled;
        }
        // Either somebody else's, or written by an earlier try whose answer was lost.
        var found = await jobs.FindAsync(job.Id, cancellationToken);
        return found is not null && found.Attempt == job.Attempt && found.Status.IsFinal() ? found : null;
    }

    private async Task CompleteResultAsync(Job job, JobProgress progress, CancellationToken cancellationToken)
    {
        var rows = progress.RowCount ?? 0;
        if (!job.ReturnResult)
        {
            rows = 1; // a batch's result is one row that says so, as in the original
            await StoredMessage.WriteAsync(results, job.Id, job.Attempt, BatchMessage(progress), cancellationToken);
        }
        await results.CompleteAsync(job.Id, job.Attempt, rows, progress.Truncated ?? false, config.Results.Retention, cancellationToken);
    }

    private static string BatchMessage(JobProgress progress) => progress.Statements == 1
        ? "1 statement executed successfully"
        : $"{progress.Statements ?? 0} statements executed successfully";

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}")]
    private partial void LogEnded(Guid jobId, string status);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}: {Kind}, {SqlState}")]
    private partial void LogEndedBadly(Guid jobId, string status, JobFailureKind kind, string sqlState);
}
