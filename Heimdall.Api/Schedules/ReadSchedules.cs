using Heimdall.Core.Schedules;

namespace Heimdall.Api.Schedules;

/// <summary><c>GET /api/v1/schedules</c> and <c>GET /api/v1/schedule/{id}</c>.</summary>
internal static class ReadSchedules
{
    public static async Task<IResult> AllAsync(ScheduleStore store, ScheduleViews views, CancellationToken cancellationToken) =>
        await views.AnswerAsync(await store.ListAsync(cancellationToken), cancellationToken);

    public static async Task<IResult> OneAsync(
        string id, HttpContext context, ScheduleStore store, ScheduleViews views, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } schedule
            ? await views.AnswerAsync(context, schedule, cancellationToken)
            : ScheduleEndpoints.Unknown(id);
}
