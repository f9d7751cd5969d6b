using Heimdall.Api.Conditions;
using Heimdall.Core.Schedules;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Schedules;

/// <summary>What a caller takes a schedule to be before he changes it.</summary>
internal sealed record ScheduleCondition(EditCondition Condition)
{
    public static string TagOf(Schedule schedule) => $"\"{schedule.CreatedAt.Ticks:x}-{schedule.Revision}\"";

    /// <returns>Null when a header is not as it should be.</returns>
    public static ScheduleCondition? Read(HttpRequest request) =>
        EditCondition.Read(request) is { } condition ? new ScheduleCondition(condition) : null;

    public static ProblemHttpResult Unreadable() => EditCondition.Unreadable();

    public static ProblemHttpResult Failed(string id) => EditCondition.Failed("schedule", id);

    /// <param name="schedule">What is there; null: nothing.</param>
    public bool Allows(Schedule? schedule) => Condition.Allows(schedule is null ? null : TagOf(schedule));
}
