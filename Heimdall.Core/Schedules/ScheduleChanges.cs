namespace Heimdall.Core.Schedules;

/// <summary>What a change makes of a schedule and of the occurrences before it.</summary>
internal static class ScheduleChanges
{
    /// <summary>A schedule that is new: nothing before now was ever due.</summary>
    public static Schedule Create(ScheduleDefinition definition, DateTime now) =>
        new Schedule { Definition = definition, DecidedUntil = now }.WithNext();

    /// <summary>Other words for the same schedule. New times count from now on; a pause goes on.</summary>
    public static Schedule Redefine(Schedule schedule, ScheduleDefinition definition, DateTime now) =>
        (schedule with
        {
            Definition = definition,
            DecidedUntil = definition.HasTimesOf(schedule.Definition) ? schedule.DecidedUntil : Later(schedule.DecidedUntil, now),
        }).WithNext();

    public static Schedule Pause(Schedule schedule, SchedulePause pause) =>
        (schedule with { Pause = pause with { At = schedule.Pause?.At ?? pause.At } }).WithNext();

    /// <summary>Goes on from a moment. What would have been before is passed over, and said to be.</summary>
    public static (Schedule Schedule, IReadOnlyList<DueOccurrence> Passed) Resume(Schedule schedule, DateTime from)
    {
        if (schedule.Pause is not { } pause)
        {
            return (schedule, []);
        }
        var (goesOn, passed) = PassOver(schedule, Schedule.JustBefore(from), ReasonOf(pause));
        return ((goesOn with { Pause = null }).WithNext(), passed);
    }

    /// <summary>Decides that nothing is run of what was to be up to a moment.</summary>
    public static (Schedule Schedule, IReadOnlyList<DueOccurrence> Passed) PassOver(Schedule schedule, DateTime until, string why)
    {
        var passed = DueOccurrences.PassedOver(schedule.Definition.After(schedule.DecidedUntil).TakeWhile(time => time <= until), why);
        return (schedule with { DecidedUntil = Later(schedule.DecidedUntil, until) }, passed is null ? [] : [passed]);
    }

    /// <summary>Why an occurrence in a pause was not run.</summary>
    public static string ReasonOf(SchedulePause pause) => $"Paused by {pause.By}{(pause.Reason.Length > 0 ? $": {pause.Reason}" : "")}.";

    /// <summary>Ends a pause whose time is over.</summary>
    public static (Schedule Schedule, IReadOnlyList<DueOccurrence> Passed) ResumeIfOver(Schedule schedule, DateTime now) =>
        schedule.Pause is { Until: { } until } && until <= now ? Resume(schedule, until) : (schedule, []);

    private static DateTime Later(DateTime one, DateTime other) => one > other ? one : other;
}
