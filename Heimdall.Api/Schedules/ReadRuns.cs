using System.Globalization;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Schedules;

/// <summary><c>GET /api/v1/schedule/{id}/runs</c>: a page of the history.</summary>
internal static class ReadRuns
{
    private const int MaxLimit = 200;
    private const int DefaultLimit = 50;

    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Words("outcome", "Runs with one of these outcomes.", ScheduleNames.Outcomes),
        ParameterDescription.Number("limit", "How many.", 1, MaxLimit, DefaultLimit),
        ParameterDescription.Text("cursor", "next_cursor of the page before."),
    ];

    private static readonly string[] _known = [.. Parameters.Select(parameter => parameter.Name)];

    public static async Task<IResult> HandleAsync(
        string id, HttpContext context, ScheduleAccess access, ScheduleRunStore runs,
        CancellationToken cancellationToken)
    {
        var query = context.Request.Query;
        var problems = new List<ContextProblem>();
        problems.AddRange(UnknownName.Parameters(query, _known));
        var names = query["outcome"].SelectMany(text => (text ?? "").Split(',')).Select(name => name.ToUpperInvariant()).ToArray();
        if (names.Except(ScheduleNames.Outcomes).Any())
        {
            problems.Add(new("outcome", $"Must be among {string.Join(", ", ScheduleNames.Outcomes)}."));
        }
        var limit = DefaultLimit;
        if (query.TryGetValue("limit", out var count)
            && (!int.TryParse(count.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
        {
            problems.Add(new("limit", $"Must be a number from 1 to {MaxLimit}."));
        }
        RunCursor? after = null;
        if (query.TryGetValue("cursor", out var cursor) && (after = RunCursorText.Read(cursor.ToString())) is null)
        {
            problems.Add(new("cursor", "Not a cursor of this list: take next_cursor of the page before."));
        }
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        if (await access.FindAsync(context, id, cancellationToken) is null)
        {
            return ScheduleEndpoints.Unknown(id);
        }
        var page = await runs.ListAsync(
            id, [.. names.Select(name => Enum.Parse<RunOutcome>(name, ignoreCase: true))], after, limit, cancellationToken);
        return TypedResults.Json(
            new ScheduleRunListView(
                [.. page.Runs.Select(ScheduleRunView.Of)], page.Next is not null,
                page.Next is { } next ? RunCursorText.Write(next) : null),
            ApiJson.Options);
    }
}
