using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Schedules;

/// <summary>
/// Schedules of files that no living process has in its file any more. They are taken out, and come back as they were
/// with the next process that has them.
/// </summary>
internal sealed partial class RemovedSchedules(
    ScheduleStore schedules, ScheduleControl control, StoreNotifications notifications,
    ILogger<RemovedSchedules> logger)
{
    /// <summary>For so long one can come back.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    /// <summary>A store that was down has kept every process from recording that it lives.</summary>
    private static readonly TimeSpan AwayTime = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Takes out what has left all files, and brings back what a living process has: an older version removes at its
    /// start what its own file lacks.
    /// </summary>
    public async Task FollowFilesAsync(CancellationToken cancellationToken)
    {
        foreach (var id in await schedules.FindSeededAsync(cancellationToken))
        {
            // Its file had it all the time: its rule for misfires decides what was due meanwhile.
            await BringBackAsync(id, skipsPassed: false, cancellationToken);
        }
        if (!notifications.HasBeenAway(AwayTime))
        {
            await TakeOutAsync(cancellationToken);
        }
    }

    /// <param name="id">Of the schedule.</param>
    /// <param name="skipsPassed">Whether what was due meanwhile is recorded as skipped.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    public async Task BringBackAsync(string id, bool skipsPassed, CancellationToken cancellationToken)
    {
        if (await control.BringBackAsync(id, skipsPassed, cancellationToken))
        {
            LogBroughtBack(id);
        }
    }

    private async Task TakeOutAsync(CancellationToken cancellationToken)
    {
        foreach (var id in await schedules.FindUnseededAsync(cancellationToken))
        {
            if (await control.TakeOutAsync(id, cancellationToken))
            {
                LogRemoved(id, Kept.TotalDays);
            }
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "Schedule {Schedule} is in no living process's configuration file and is removed; "
        + "for {Days} days it can come back by a file, with its pause and history")]
    private partial void LogRemoved(string schedule, double days);

    [LoggerMessage(
        LogLevel.Warning,
        "Schedule {Schedule} was removed, is in a process's configuration file and is back, "
        + "with its pause and history")]
    private partial void LogBroughtBack(string schedule);
}
