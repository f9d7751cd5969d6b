using System.Diagnostics;
using Hangfire.Common;
using Hangfire.Server;
using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>
/// Runs a scheduler of Hangfire's when something is due in its set. By itself it takes and releases a lock at each look,
/// in ten statements, which each worker of a fleet would send each second.
/// </summary>
/// <remarks>
/// What Hangfire schedules is due at a whole second. So a look comes soon after each interval of the store's clock: an
/// interval after the look before, the second would be missed by half of one, and by the time that the work took.
/// </remarks>
/// <param name="set">Of what it schedules, by the time when each is due.</param>
/// <param name="interval">From one look to the next, in whole seconds.</param>
/// <param name="clock">Says what is due.</param>
/// <param name="scheduler">Waits for <see cref="Breath"/> after it has done what is due.</param>
/// <param name="changes">
/// Of the set. Where they are heard of, nothing need be looked for in each interval unless something is due soon.
/// </param>
internal sealed class DueScheduler(
    string set, TimeSpan interval, StoreClock clock, IBackgroundProcess scheduler, DueChanges? changes = null)
    : IBackgroundProcess
{
    /// <summary>
    /// How soon is looked again, where another process does what is due, or more has become due meanwhile.
    /// </summary>
    public static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(200);

    /// <summary>The workers of a fleet look one after another, and most of them find it done.</summary>
    private static readonly TimeSpan Spread = TimeSpan.FromMilliseconds(100);

    /// <summary>In intervals: what is due in this time is due soon.</summary>
    private const int Ahead = 5;

    private long? _soonSince;

    public void Execute(BackgroundProcessContext context)
    {
        // Not earlier than the store's clock: a schedule that is called for too early finds nothing due.
        if (changes is not null && !IsAnySoon(context))
        {
            changes.Wait((Ahead - 1) * interval, context.StoppingToken);
        }
        else if (IsDue(context, clock.Earliest))
        {
            _soonSince = null;
            scheduler.Execute(context);
        }
        else
        {
            context.Wait(UntilNext(clock.Earliest, interval) + Random.Shared.NextDouble() * Spread);
        }
    }

    /// <returns>The time to the next moment that is a multiple of an interval.</returns>
    internal static TimeSpan UntilNext(DateTime now, TimeSpan interval) =>
        new(interval.Ticks - now.Ticks % interval.Ticks);

    private bool IsAnySoon(BackgroundProcessContext context)
    {
        if (_soonSince is { } since && Stopwatch.GetElapsedTime(since) < Ahead * interval)
        {
            return true; // it was then, and has not been done by this process
        }
        _soonSince = IsDue(context, clock.Earliest + (Ahead * interval)) ? Stopwatch.GetTimestamp() : null;
        return _soonSince is not null;
    }

    private bool IsDue(BackgroundProcessContext context, DateTime now)
    {
        using var connection = context.Storage.GetConnection();
        return connection.GetFirstByLowestScoreFromSet(set, 0, JobHelper.ToTimestamp(now)) is not null;
    }
}
