namespace Heimdall.Core.Cron;

/// <summary>What a cron expression means that names both days of the month and weekdays.</summary>
public enum DayRule
{
    /// <summary>A day must match both.</summary>
    And,

    /// <summary>A day must match one of them, as POSIX has it.</summary>
    Or,
}
