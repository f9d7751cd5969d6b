using Heimdall.Api.Callers;
using Heimdall.Api.Jobs;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Schedules;

/// <summary><c>POST /api/v1/schedule/{id}/trigger</c>: a run now, with an <c>Idempotency-Key</c> or without.</summary>
internal static class TriggerSchedule
{
    public static async Task<IResult> HandleAsync(
        string id, HttpContext context, ScheduleControl control, ScheduleAccess access,
        CancellationToken cancellationToken)
    {
        if (await access.RefuseAsync(context, id, runs: true, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        var (key, wrongKey) = IdempotencyHeader.Read(context);
        if (wrongKey is not null)
        {
            return Problem.Invalid([wrongKey]);
        }
        if (await control.TriggerAsync(id, new RunRequest(context.CallerName(), key), cancellationToken) is not var (run, isNew))
        {
            return ScheduleEndpoints.Unknown(id);
        }
        if (!isNew)
        {
            context.Response.Headers[IdempotentReplies.ReplayedHeader] = "true";
        }
        switch (run.Outcome)
        {
            case RunOutcome.Skipped:
                return Problem.Of(StatusCodes.Status409Conflict, "skipped", "The run was skipped.", run.Reason!, new() { ["run"] = run.Id });
            case RunOutcome.Refused:
                return Problem.Of(StatusCodes.Status422UnprocessableEntity, "refused", "There can be no job.", run.Reason!, new() { ["run"] = run.Id });
        }
        if (run.JobId is { } job)
        {
            context.Response.Headers.Location = context.Request.PublicPathOf($"/api/v1/job/{job}");
        }
        context.Response.Headers.RetryAfter = SubmitJob.PollInterval;
        return TypedResults.Json(ScheduleRunView.Of(run), ApiJson.Options, statusCode: StatusCodes.Status202Accepted);
    }
}
