using System.Runtime.ExceptionServices;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Queue;

/// <summary>
/// Has parents know of the ends of their children. Hangfire's entries of those that were stopped are left to the sweep
/// of ends that are not shown: each takes several statements, and other parents wait here.
/// </summary>
public sealed partial class FanOutUpkeep(
    FanOuts fanOuts, JobStore jobs, JobMetrics metrics, ILogger<FanOutUpkeep> logger)
{
    /// <summary>One parent that cannot be told keeps no other one from being told.</summary>
    public async Task AdvanceAsync(CancellationToken cancellationToken)
    {
        var failed = new Dictionary<Guid, Exception>();
        while (await fanOuts.FindNewsAsync(cancellationToken, failed.Keys) is { Count: > 0 } parents)
        {
            foreach (var parent in parents)
            {
                try
                {
                    await AdvanceAsync(parent, cancellationToken);
                }
                catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
                {
                    LogFailed(parent, exception);
                    failed.Add(parent, exception);
                    break; // where the store is away, the next search says so
                }
            }
        }
        if (failed.Count > 0)
        {
            ExceptionDispatchInfo.Throw(failed.Values.First());
        }
    }

    /// <summary>Puts back a child that was claimed and has not begun. It may have been stopped since.</summary>
    internal async Task ReturnAsync(
        Guid parent, Guid child, int attempt, bool isTakeOver, CancellationToken cancellationToken) =>
        await RecordAsync(
            parent, await fanOuts.ReturnAsync(parent, child, attempt, isTakeOver, cancellationToken),
            cancellationToken);

    private async Task AdvanceAsync(Guid parent, CancellationToken cancellationToken) =>
        await RecordAsync(parent, await fanOuts.AdvanceAsync(parent, cancellationToken), cancellationToken);

    private async Task RecordAsync(Guid parent, FanOutNews news, CancellationToken cancellationToken)
    {
        foreach (var id in news.Stopped)
        {
            LogStopped(id, parent);
        }
        await metrics.CountEndsAsync(jobs, news.Stopped, cancellationToken);
        if (news.End is { } end)
        {
            LogEnded(parent, end.ToName());
        }
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended CANCELED: job {Parent} begins no more children")]
    private partial void LogStopped(Guid jobId, Guid parent);

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended {Status}, as its children have")]
    private partial void LogEnded(Guid jobId, string status);

    [LoggerMessage(LogLevel.Error, "Job {JobId} cannot be told how its children have ended")]
    private partial void LogFailed(Guid jobId, Exception exception);
}
