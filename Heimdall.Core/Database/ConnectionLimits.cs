namespace Heimdall.Core.Database;

/// <summary>How many connections a process opens to the store's server at most.</summary>
/// <param name="Store">
/// For requests, lists, results, commands and clusters; and up to two for messages to hooks, and three of the keeper
/// for what hooks are notified of.
/// </param>
/// <param name="Queue">Hangfire's.</param>
public sealed record ConnectionLimits(int Store, int Queue)
{
    /// <summary>How many transactions with the writes of running jobs are under way at most.</summary>
    internal const int WriterLanes = 2;

    /// <summary>
    /// How many transactions with new jobs are under way at most, of those that share them.
    /// </summary>
    internal const int NewJobsLanes = 2;

    /// <summary>How many transactions with the states of claimed jobs are under way at most.</summary>
    internal const int EntryLanes = 1;

    /// <summary>
    /// For the states that Hangfire shows of jobs, part of <see cref="Queue"/>: the lane's, and others for who reads
    /// one or changes one that is not claimed.
    /// </summary>
    internal const int Entries = EntryLanes + 2;

    /// <summary>For statements that take jobs out of the queue: one claimer a process.</summary>
    internal const int Claims = 1;

    /// <summary>For the gauges of the store; none is open while nobody reads metrics.</summary>
    internal const int Gauges = 1;

    /// <summary>
    /// For what running jobs depend on: the writer's, one to listen, one to renew leases, one for the rest.
    /// </summary>
    public const int Lifeline = WriterLanes + 3;

    /// <summary>To look whether the store can be used; each look opens one and closes it.</summary>
    private const int Probe = 1;

    /// <summary>For the session of the keeper, if this process is the one that does the upkeep for all.</summary>
    internal const int Upkeep = 1;

    /// <summary>Hangfire's scheduler, heartbeat, watchdog, expiration and counters, or the pages of its dashboard.</summary>
    private const int QueueBackground = 10;

    /// <summary>For a process that takes requests: they share the connections, each holds one for a millisecond or two.</summary>
    public static ConnectionLimits ForApi { get; } = new(Store: 28, QueueBackground);

    public int Total => Store + Queue + Lifeline + Gauges + Probe + Upkeep;

    /// <summary>
    /// For a process that runs jobs. A running job stores its rows, and Hangfire changes its state. An idle slot holds
    /// no connection.
    /// </summary>
    public static ConnectionLimits ForWorker(int concurrency) =>
        new(Store: concurrency + 6 + Claims, Queue: concurrency + 2 + QueueBackground);
}
