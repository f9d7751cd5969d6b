using Heimdall.Core.Cron;

namespace Heimdall.Core.Schedules;

/// <summary>How the words of schedules are spelled in YAML, JSON and SQL.</summary>
public static class ScheduleNames
{
    public static IReadOnlyList<string> Outcomes { get; } =
        [.. Enum.GetValues<RunOutcome>().Where(outcome => outcome != RunOutcome.Unknown).Select(ToName)];

    public static RunOutcome ReadOutcome(string name) =>
        Enum.TryParse<RunOutcome>(name, ignoreCase: true, out var outcome) ? outcome : RunOutcome.Unknown;

    public static string ToName(this MisfireRule misfire) => misfire.ToString().ToLowerInvariant();

    public static string ToName(this DayRule day) => day.ToString().ToLowerInvariant();

    public static string ToName(this OverlapRule overlap) => overlap.ToString().ToLowerInvariant();

    public static string ToName(this RunOutcome outcome) => outcome.ToString().ToUpperInvariant();
}
