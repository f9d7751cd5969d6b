using Heimdall.Core.Cron;

namespace Heimdall.Core.Schedules;

/// <summary>How the words of schedules are spelled in YAML, JSON and SQL.</summary>
public static class ScheduleNames
{
    public static IReadOnlyList<string> Outcomes { get; } = [.. Enum.GetValues<RunOutcome>().Select(ToName)];

    public static string ToName(this MisfireRule misfire) => misfire.ToString().ToLowerInvariant();

    public static string ToName(this DayRule day) => day.ToString().ToLowerInvariant();

    public static string ToName(this OverlapRule overlap) => overlap.ToString().ToLowerInvariant();

    public static string ToName(this RunOutcome outcome) => outcome.ToString().ToUpperInvariant();
}
