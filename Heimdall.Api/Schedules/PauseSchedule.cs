using System.ComponentModel.DataAnnotations;
using Heimdall.Api.Callers;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Database;
using Heimdall.Core.Schedules;
using Microsoft.AspNetCore.Http.Features;

namespace Heimdall.Api.Schedules;

/// <summary><c>POST /api/v1/schedule/{id}/pause</c>, with a body or without.</summary>
internal static class PauseSchedule
{
    public const int MaxReason = 2000;

    public static async Task<IResult> HandleAsync(
        string id, HttpContext context, ScheduleControl control, ScheduleAccess access, ScheduleViews views,
        StoreClock clock, CancellationToken cancellationToken)
    {
        if (await access.RefuseAsync(context, id, runs: false, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        var reason = "";
        DateTimeOffset? until = null;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            if (!context.Request.HasJsonContentType())
            {
                return Problem.NotJson("body");
            }
            var fields = await JsonFields.ReadAsync(context.Request, cancellationToken);
            reason = fields.Text("reason") ?? "";
            until = fields.Time("until");
            if (reason.Length > MaxReason)
            {
                fields.Add("reason", $"At most {MaxReason} characters.");
            }
            if (until <= clock.GetUtcNow())
            {
                fields.Add("until", "Must be in the future: then the schedule goes on by itself.");
            }
            if (fields.Problems() is { Count: > 0 } problems)
            {
                return Problem.Invalid(problems);
            }
        }
        return await control.PauseAsync(id, context.CallerName(), reason, until?.UtcDateTime, cancellationToken) is { } schedule
            ? await views.AnswerAsync(context, schedule, cancellationToken)
            : ScheduleEndpoints.Unknown(id);
    }
}

/// <summary>The body of <c>POST …/pause</c>, for its description.</summary>
internal sealed record PauseScheduleRequest(
    [property: MaxLength(PauseSchedule.MaxReason)] string? Reason, DateTimeOffset? Until);
