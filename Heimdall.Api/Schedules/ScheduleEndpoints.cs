using Heimdall.Api.Jobs;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Schedules;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.OpenApi;

namespace Heimdall.Api.Schedules;

internal static class ScheduleEndpoints
{
    public static void MapSchedules(this IEndpointRouteBuilder api)
    {
        api.MapGet("/schedules", ReadSchedules.AllAsync).WithSummary("All schedules, with the next and the last run of each.").Produces<ScheduleView[]>();
        api.MapGet("/schedule/{id}", ReadSchedules.OneAsync)
            .WithSummary("One schedule.").Produces<ScheduleView>().ProducesProblem(StatusCodes.Status404NotFound);
        api.MapPut("/schedule/{id}", PutSchedule.HandleAsync)
            .WithSummary("Make a schedule, or replace what it says.")
            .Accepts<PutScheduleRequest>("application/json")
            .Produces<ScheduleView>()
            .Produces<ScheduleView>(StatusCodes.Status201Created)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);
        api.MapDelete("/schedule/{id}", DeleteAsync)
            .WithSummary("Delete a schedule and its history; its jobs stay.")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);
        api.MapPost("/schedule/{id}/trigger", TriggerSchedule.HandleAsync)
            .WithSummary("Run it now, also while it is paused. With an Idempotency-Key, once.")
            .Produces<ScheduleRunView>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        api.MapPost("/schedule/{id}/pause", PauseSchedule.HandleAsync)
            .WithSummary("Keep it from running, for good or until a time.")
            .Accepts<PauseScheduleRequest>("application/json")
            .Produces<ScheduleView>()
            .ProducesProblem(StatusCodes.Status400BadRequest);
        api.MapPost("/schedule/{id}/resume", ResumeAsync).WithSummary("Let it run again, from now on.").Produces<ScheduleView>();
        api.MapGet("/schedule/{id}/runs", ReadRuns.HandleAsync)
            .WithSummary("A page of what happened to its occurrences, the newest first.")
            .Produces<ScheduleRunListView>()
            .AddOpenApiOperationTransformer((operation, _, _) => AddQuery(operation, ReadRuns.Known));
        api.MapGet("/schedule/{id}/next", ReadNext.HandleAsync)
            .WithSummary("The next times that it will run.").Produces<NextRunsView>()
            .AddOpenApiOperationTransformer((operation, _, _) => AddQuery(operation, [ReadNext.Count]));
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

    private static Task AddQuery(OpenApiOperation operation, IEnumerable<string> names)
    {
        operation.Parameters =
        [
            .. operation.Parameters ?? [],
            .. names.Select(name => new OpenApiParameter { Name = name, In = ParameterLocation.Query, Schema = new OpenApiSchema { Type = JsonSchemaType.String } }),
        ];
        return Task.CompletedTask;
    }
}
