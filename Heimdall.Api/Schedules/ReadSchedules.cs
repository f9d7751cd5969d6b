namespace Heimdall.Api.Schedules;

/// <summary><c>GET /api/v1/schedules</c> and <c>GET /api/v1/schedule/{id}</c>.</summary>
internal static class ReadSchedules
{
    public static async Task<IResult> AllAsync(
        HttpContext context, ScheduleAccess access, ScheduleViews views, CancellationToken cancellationToken) =>
        await views.AnswerAsync(await access.ListAsync(context, cancellationToken), cancellationToken);

    public static async Task<IResult> OneAsync(
        string id, HttpContext context, ScheduleAccess access, ScheduleViews views,
        CancellationToken cancellationToken) =>
        await access.FindAsync(context, id, cancellationToken) is { } schedule
            ? await views.AnswerAsync(context, schedule, cancellationToken)
            : ScheduleEndpoints.Unknown(id);
}
