using Heimdall.Api.Serialization;
using Heimdall.Core.Schedules;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Schedules;

/// <summary>Puts together what is told of schedules.</summary>
internal sealed class ScheduleViews(ScheduleRunStore runs, JobResolver resolver)
{
    public async Task<IResult> AnswerAsync(HttpContext context, Schedule schedule, CancellationToken cancellationToken, int status = StatusCodes.Status200OK)
    {
        var last = (await runs.ListAsync(schedule.Id, [], after: null, limit: 1, cancellationToken)).Runs;
        context.Response.Headers.ETag = ScheduleCondition.TagOf(schedule);
        return TypedResults.Json(Of(schedule, last.Count > 0 ? last[0] : null), ApiJson.Options, statusCode: status);
    }

    public async Task<IResult> AnswerAsync(IReadOnlyList<Schedule> schedules, CancellationToken cancellationToken)
    {
        var last = await runs.LastAsync(cancellationToken);
        return TypedResults.Json(schedules.Select(schedule => Of(schedule, last.GetValueOrDefault(schedule.Id))), ApiJson.Options);
    }

    private ScheduleView Of(Schedule schedule, ScheduleRun? last)
    {
        var refusal = resolver.FindRefusalOfRun(schedule.ToSubmission(startBefore: null, triggeredBy: null));
        return ScheduleView.Of(schedule, last, refusal);
    }
}
