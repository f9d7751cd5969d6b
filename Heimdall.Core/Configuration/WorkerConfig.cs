namespace Heimdall.Core.Configuration;

/// <summary>The process that runs queued jobs.</summary>
public sealed record WorkerConfig
{
    /// <summary>Jobs that one worker process runs at once. Default: 5, as in the original.</summary>
    public int Concurrency { get; init; } = 5;

    /// <summary>How long a worker may be silent before its jobs are given to others. Default: 5 seconds.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long running jobs may go on after SIGTERM before they are cancelled and handed back. Default: 30 seconds.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A Unix socket at which the worker answers how it is, for <c>Heimdall.Worker --health</c>. Relative to the
    /// configuration file; each worker of a machine needs its own. Default: none.
    /// </summary>
    public string? HealthSocket { get; init; }

    /// <summary>
    /// How many workers in a row may die while they run a job, before it is failed instead of run again. Default: 3.
    /// </summary>
    public int MaxLostAttempts { get; init; } = 3;

    /// <summary>
    /// The worker runs only jobs on clusters that carry all of these tags. Default: none, all clusters of the file.
    /// </summary>
    public string[] ClusterTags { get; init; } = [];
}
