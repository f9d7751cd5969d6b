using System.Globalization;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;

namespace Heimdall.Api.Schedules;

/// <summary><c>GET /api/v1/schedule/{id}/next?count=N</c>: the times to come; none while it is paused for good.</summary>
internal static class ReadNext
{
    private const string Count = "count";

    private const int MaxCount = 1000;
    private const int DefaultCount = 10;

    public static ParameterDescription Parameter { get; } =
        ParameterDescription.Number(Count, "How many.", 1, MaxCount, DefaultCount);

    public static async Task<IResult> HandleAsync(
        string id, HttpContext context, ScheduleAccess access, CancellationToken cancellationToken)
    {
        var query = context.Request.Query;
        if (query.Keys.FirstOrDefault(key => key != Count) is { } unknown)
        {
            return Problem.Invalid([new(unknown, $"Unknown parameter. Known is: {Count}.")]);
        }
        var count = DefaultCount;
        if (query.TryGetValue(Count, out var text)
            && (!int.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1 or > MaxCount))
        {
            return Problem.Invalid([new(Count, $"Must be a number from 1 to {MaxCount}.")]);
        }
        if (await access.FindAsync(context, id, cancellationToken) is not { } schedule)
        {
            return ScheduleEndpoints.Unknown(id);
        }
        if (schedule.Definition.FindTimesProblem() is { } problem)
        {
            return Problem.Of(
                StatusCodes.Status409Conflict, "times-unknown", "The next times are not known.",
                $"{problem} PUT the schedule with what is known here.");
        }
        return TypedResults.Json(
            new NextRunsView(schedule.Definition.Timezone, [.. schedule.ComingLocally().Take(count).Select(time => new NextRunView(
                time.UtcDateTime, time.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture)))]),
            ApiJson.Options);
    }
}
