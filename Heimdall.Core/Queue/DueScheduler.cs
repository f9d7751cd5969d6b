using Hangfire.Common;
using Hangfire.Server;
using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>
/// Runs a scheduler of Hangfire's when something is due in its set. By itself it takes and releases a lock at each look,
/// in ten statements, which each worker of a fleet would send each second.
/// </summary>
/// <param name="set">Of what it schedules, by the time when each is due.</param>
/// <param name="interval">From one look to the next.</param>
/// <param name="clock">Says what is due.</param>
/// <param name="scheduler">Waits for the same time after it has done what is due.</param>
internal sealed class DueScheduler(string set, TimeSpan interval, StoreClock clock, IBackgroundProcess scheduler) : IBackgroundProcess
{
    public void Execute(BackgroundProcessContext context)
    {
        if (IsDue(context))
        {
            scheduler.Execute(context);
        }
        else
        {
            context.Wait(interval);
        }
    }

    private bool IsDue(BackgroundProcessContext context)
    {
        using var connection = context.Storage.GetConnection();
        return connection.GetFirstByLowestScoreFromSet(set, 0, JobHelper.ToTimestamp(clock.Now)) is not null;
    }
}
