namespace Heimdall.Core.Database;

/// <summary>How many connections a process opens to the store's server at most.</summary>
/// <param name="Store">For jobs, results, commands and clusters, beside those for inline queries' records.</param>
/// <param name="Queue">Hangfire's.</param>
/// <param name="Records">For inline queries' records.</param>
public sealed record ConnectionLimits(int Store, int Queue, int Records = 0)
{
    /// <summary>Hangfire's scheduler, heartbeat, watchdog, expiration and counters, or the pages of its dashboard.</summary>
    private const int QueueBackground = 10;

    /// <summary>For a process that takes requests: they share the connections, each holds one for a millisecond or two.</summary>
    public static ConnectionLimits ForApi { get; } = new(Store: 28, QueueBackground, StoreDatabase.RecordConnections);

    public int Total => Store + Queue + Records;

    /// <summary>
    /// For a process that runs jobs. A running job writes its log and its result; Hangfire changes its state. What waits for jobs holds none but
    /// the connection that claims them.
    /// </summary>
    public static ConnectionLimits ForWorker(int concurrency) =>
        new(Store: (2 * concurrency) + 6 + StoreDatabase.ClaimConnections, Queue: concurrency + 2 + QueueBackground);
}
