namespace Heimdall.Core.Database;

/// <summary>How many connections a process opens to the store's server at most.</summary>
/// <param name="Store">For jobs, results, commands and clusters.</param>
/// <param name="Queue">Hangfire's.</param>
public sealed record ConnectionLimits(int Store, int Queue)
{
    /// <summary>Hangfire's scheduler, heartbeat, watchdog, expiration and counters, or the pages of its dashboard.</summary>
    private const int QueueBackground = 10;

    /// <summary>For a process that takes requests: they share the connections, each holds one for a millisecond or two.</summary>
    public static ConnectionLimits ForApi { get; } = new(Store: 30, QueueBackground);

    public int Total => Store + Queue;

    /// <summary>
    /// For a process that runs jobs. A running job writes its log and its result; an idle Hangfire worker holds one
    /// connection to look and one to listen, and so does the one for schedules.
    /// </summary>
    public static ConnectionLimits ForWorker(int concurrency) => new(Store: (2 * concurrency) + 6, Queue: (2 * concurrency) + 2 + QueueBackground);
}
