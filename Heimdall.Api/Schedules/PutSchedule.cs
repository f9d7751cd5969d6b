using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Hooks;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Cron;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Schedules;

/// <summary>
/// <c>PUT /api/v1/schedule/{id}</c>: what the schedule says from now on; what is left out gets its default.
/// </summary>
internal static class PutSchedule
{
    public static async Task<IResult> HandleAsync(
        string id, HttpContext context, ScheduleEditor editor, ScheduleViews views, CancellationToken cancellationToken)
    {
        var (known, forbidden) = await editor.FindAsync(context, id, cancellationToken);
        if (forbidden is not null)
        {
            return forbidden;
        }
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("schedule");
        }
        if (ScheduleCondition.Read(context.Request) is not { } condition)
        {
            return ScheduleCondition.Unreadable();
        }
        var fields = await JsonFields.ReadAsync(context.Request, cancellationToken);
        var edit = await editor.EditAsync(context, id, known, condition, fields, cancellationToken);
        if (edit.Schedule is not { } schedule)
        {
            return edit.Refusal!;
        }
        if (edit.IsNew)
        {
            context.Response.Headers.Location = context.Request.PublicPathOf($"/api/v1/schedule/{id}");
        }
        return await views.AnswerAsync(
            context, schedule, cancellationToken, edit.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }
}

/// <summary>The body of <c>PUT /api/v1/schedule/{id}</c>, for its description.</summary>
internal sealed record PutScheduleRequest(
    string? Name, string? Version, string? Description, string Cron,
    [property: OneOf("DayRule", typeof(DayRule))] string? Day, string? Timezone,
    [property: OneOf("MisfireRule", typeof(MisfireRule))] string? Misfire, string? MaxLateness,
    [property: OneOf("OverlapRule", typeof(OverlapRule))] string? Overlap, DateTimeOffset? StartsAt,
    DateTimeOffset? EndsAt, string[]? Tags, string[] CommandCriteria, string[] ClusterCriteria,
    [property: JobContext] JsonObject Context,
    [property: Words(ScheduleConfig.Any, ScheduleConfig.All)] string? Target,
    [property: Range(1, int.MaxValue)] int? MaxParallel, [property: Range(1, int.MaxValue)] int? Canary,
    [property: Range(1, int.MaxValue)] int? StopAfterFailures,
    [property: MaxLength(OnEndRules.Most)] OnEndView[]? OnEnd);
