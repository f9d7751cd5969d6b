namespace Heimdall.Core.Configuration;

/// <summary>
/// What hooks are notified of, by the names that receivers subscribe to and messages have as their <c>type</c>.
/// </summary>
public static class HookEvents
{
    /// <summary>A job has ended.</summary>
    public const string JobEnded = "job.ended";

    /// <summary>A run of a schedule is due and was not made, or could not be made.</summary>
    public const string ScheduleLate = "schedule.late";

    /// <summary>A cluster does not answer.</summary>
    public const string ClusterDown = "cluster.down";

    /// <summary>A job has waited for its turn for too long.</summary>
    public const string QueueSlow = "queue.slow";

    /// <summary>A job waits for somebody's approval.</summary>
    public const string JobUnapproved = "job.unapproved";

    /// <summary>Somebody tries a hook.</summary>
    public const string Test = "hook.test";

    /// <summary>What a receiver may subscribe to.</summary>
    public static IReadOnlyList<string> Known { get; } =
        [JobEnded, ScheduleLate, ClusterDown, QueueSlow, JobUnapproved];

    /// <summary>Everything that a message may be.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        JobEnded, ScheduleLate, EndOf(ScheduleLate), ClusterDown, EndOf(ClusterDown), QueueSlow, EndOf(QueueSlow),
        JobUnapproved, EndOf(JobUnapproved), Test,
    ];

    /// <summary>The event that is sent to subscribers of a state when the state ends.</summary>
    public static string EndOf(string beginning) => beginning switch
    {
        ScheduleLate => "schedule.on_time",
        ClusterDown => "cluster.up",
        QueueSlow => "queue.on_time",
        JobUnapproved => "job.decided",
        _ => throw new ArgumentOutOfRangeException(nameof(beginning), beginning, "It has no end."),
    };
}
