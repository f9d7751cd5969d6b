using Heimdall.Api.Conditions;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Schedules;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Schedules;

internal static class ScheduleEndpoints
{
    private const int Ok = StatusCodes.Status200OK;

    public static void MapSchedules(this IEndpointRouteBuilder api)
    {
        var schedules = api.MapGroup("").WithTags(TagList.Schedules);
        MapReading(schedules);
        MapChanges(schedules);
        MapControl(schedules);
    }

    private static void MapReading(IEndpointRouteBuilder schedules)
    {
        schedules.MapGet("/schedules", ReadSchedules.AllAsync)
            .Named("listSchedules", "All schedules, with the next and the last run of each.")
            .Replies<ScheduleView[]>(Ok, "The schedules that the caller may see.");
        schedules.MapGet("/schedule/{id}", ReadSchedules.OneAsync)
            .Named("getSchedule", "One schedule.")
            .Replies<ScheduleView>(Ok, "The schedule.", HeaderList.ETag)
            .TakesReadConditions()
            .Refuses("not-found");
        schedules.MapGet("/schedule/{id}/runs", ReadRuns.HandleAsync)
            .Named("listScheduleRuns", "A page of what happened to its occurrences, the newest first.")
            .Takes(ReadRuns.Parameters)
            .Replies<ScheduleRunListView>(Ok, "The page.")
            .Refuses("not-found");
        schedules.MapGet("/schedule/{id}/next", ReadNext.HandleAsync)
            .Named("listNextRuns", "The next times that it will run.")
            .Takes(ReadNext.Parameter)
            .Replies<NextRunsView>(Ok, "The times; none while it is paused for good.")
            .Refuses("not-found", "times-unknown");
    }

    private static void MapChanges(IEndpointRouteBuilder schedules)
    {
        schedules.MapPut("/schedule/{id}", PutSchedule.HandleAsync)
            .Named("putSchedule", "Make a schedule, or replace what it says.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Accepts<PutScheduleRequest>(OperationDescriptions.Json)
            .Replies<ScheduleView>(Ok, "The schedule was replaced.", HeaderList.ETag)
            .Replies<ScheduleView>(
                StatusCodes.Status201Created, "The schedule was made.", HeaderList.ETag, HeaderList.Location)
            .Refuses("not-found", "precondition-failed");
        schedules.MapDelete("/schedule/{id}", DeleteAsync)
            .Named("deleteSchedule", "Delete a schedule and its history; its jobs stay.")
            .Takes(HeaderList.IfMatch, HeaderList.IfNoneMatch)
            .Replies(StatusCodes.Status204NoContent, "It is deleted.")
            .Refuses("not-found", "conflict", "precondition-failed");
    }

    private static void MapControl(IEndpointRouteBuilder schedules)
    {
        schedules.MapPost("/schedule/{id}/trigger", TriggerSchedule.HandleAsync)
            .Named("triggerSchedule", "Run it now, also while it is paused. With an Idempotency-Key, once.")
            .Takes(HeaderList.IdempotencyKey)
            .Replies<ScheduleRunView>(
                StatusCodes.Status202Accepted, "The run, with its job where it has one already.", HeaderList.Location,
                HeaderList.RetryAfter, HeaderList.IdempotencyReplayed)
            .Refuses("not-found", "skipped", "refused");
        schedules.MapPost("/schedule/{id}/pause", PauseSchedule.HandleAsync)
            .Named("pauseSchedule", "Keep it from running, for good or until a time.")
            .Accepts<PauseScheduleRequest>(isOptional: true, OperationDescriptions.Json)
            .Replies<ScheduleView>(Ok, "The schedule.", HeaderList.ETag)
            .Refuses("not-found");
        schedules.MapPost("/schedule/{id}/resume", ResumeAsync)
            .Named("resumeSchedule", "Let it run again, from now on.")
            .Replies<ScheduleView>(Ok, "The schedule.", HeaderList.ETag)
            .Refuses("not-found");
    }

    public static ProblemHttpResult Unknown(string id) => Problem.NotFound($"There is no schedule '{id}'.");

    private static async Task<IResult> DeleteAsync(string id, HttpContext context, ScheduleControl control, CancellationToken cancellationToken)
    {
        if (ScheduleCondition.Read(context.Request) is not { } condition)
        {
            return ScheduleCondition.Unreadable();
        }
        Schedule? found = null;
        ProblemHttpResult? refusal = null;
        var caller = context.Caller();
        var isDeleted = await control.DeleteAsync(
            id,
            schedule =>
            {
                found = caller.Rights.Over(Right.SeeSchedules, schedule) ? schedule : null;
                refusal = ScheduleAccess.RefuseChange(caller, schedule);
                return refusal is null && !schedule.IsFromFile && condition.Allows(schedule);
            },
            cancellationToken);
        return found switch
        {
            null => Unknown(id),
            _ when refusal is not null => refusal,
            { IsFromFile: true } => Problem.Of(
                StatusCodes.Status409Conflict, "conflict", "The schedule is in the configuration file.",
                $"Take '{id}' out of the file and restart, or pause it."),
            _ when !isDeleted => ScheduleCondition.Failed(id),
            _ => TypedResults.NoContent(),
        };
    }

    private static async Task<IResult> ResumeAsync(
        string id, HttpContext context, ScheduleControl control, ScheduleAccess access, ScheduleViews views,
        CancellationToken cancellationToken)
    {
        if (await access.RefuseAsync(context, id, runs: true, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        return await control.ResumeAsync(id, cancellationToken) is { } schedule
            ? await views.AnswerAsync(context, schedule, cancellationToken)
            : Unknown(id);
    }
}
