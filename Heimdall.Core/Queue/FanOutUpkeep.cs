using Heimdall.Core.Jobs;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Queue;

/// <summary>Has parents know of the ends of their children. Hangfire's entries follow.</summary>
internal sealed partial class FanOutUpkeep(
    FanOuts fanOuts, JobStore jobs, JobMetrics metrics, QueueEntries entries, ILogger<FanOutUpkeep> logger)
{
    public async Task AdvanceAsync(CancellationToken cancellationToken)
    {
        while (await fanOuts.FindNewsAsync(cancellationToken) is { Count: > 0 } parents)
        {
            foreach (var parent in parents)
            {
                var news = await fanOuts.AdvanceAsync(parent, cancellationToken);
                foreach (var id in news.Stopped)
                {
                    LogStopped(id, parent);
                    await entries.TryCloseAsync(id, cancellationToken);
                    await metrics.CountEndAsync(jobs, id, cancellationToken);
                }
                if (news.End is { } end)
                {
                    LogEnded(parent, end.ToName());
                }
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended CANCELED: job {Parent} begins no more children")]
    private partial void LogStopped(Guid jobId, Guid parent);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}, as its children have")]
    private partial void LogEnded(Guid jobId, string status);
}
