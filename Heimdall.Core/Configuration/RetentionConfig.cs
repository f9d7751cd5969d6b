namespace Heimdall.Core.Configuration;

/// <summary>
/// How long history is kept. Jobs go with their attempts, logs and results. <see cref="Yaml.Duration.Forever"/>:
/// nothing is deleted.
/// </summary>
public sealed record RetentionConfig
{
    /// <summary>Of jobs that ended SUCCEEDED, after their end. Default: 30 days.</summary>
    public TimeSpan Succeeded { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The same of FAILED ones. Default: 90 days.</summary>
    public TimeSpan Failed { get; init; } = TimeSpan.FromDays(90);

    /// <summary>The same of CANCELED ones. Default: 90 days.</summary>
    public TimeSpan Canceled { get; init; } = TimeSpan.FromDays(90);

    /// <summary>The same of KILLED ones. Default: 90 days.</summary>
    public TimeSpan Killed { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Of runs of schedules, after the time that they were planned for. Default: 90 days.</summary>
    public TimeSpan ScheduleRuns { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Of records of the audit: at least a day. Default: 365 days.</summary>
    public TimeSpan Audit { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Of messages to hooks, after they were delivered or given up. Default: 30 days.</summary>
    public TimeSpan HookDeliveries { get; init; } = TimeSpan.FromDays(30);
}

/// <summary>How long the jobs of one command are kept. What is left out is as for all jobs.</summary>
public sealed record CommandRetentionConfig
{
    public TimeSpan? Succeeded { get; init; }

    public TimeSpan? Failed { get; init; }

    public TimeSpan? Canceled { get; init; }

    public TimeSpan? Killed { get; init; }
}
