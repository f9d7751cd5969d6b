using Heimdall.Api.Problems;
using Heimdall.Core.Schedules;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Schedules;

/// <summary>What a caller takes a schedule to be before he changes it: <c>If-Match</c> and <c>If-None-Match</c>. A null list: he does not say.</summary>
internal sealed record ScheduleCondition(IReadOnlyCollection<string>? Match, IReadOnlyCollection<string>? NoneMatch)
{
    private const string Any = "*";

    public static string TagOf(Schedule schedule) => $"\"{schedule.CreatedAt.Ticks:x}-{schedule.Revision}\"";

    /// <returns>Null when a header is not as it should be.</returns>
    public static ScheduleCondition? Read(HttpRequest request) =>
        TryRead(request.Headers.IfMatch, out var match) && TryRead(request.Headers.IfNoneMatch, out var noneMatch)
            ? new ScheduleCondition(match, noneMatch)
            : null;

    public static ProblemHttpResult Unreadable() =>
        Problem.Invalid([new($"{HeaderNames.IfMatch}, {HeaderNames.IfNoneMatch}", "Must be * or a list of ETags in double quotes.")]);

    public static ProblemHttpResult Failed(string id) => Problem.Of(
        StatusCodes.Status412PreconditionFailed, "precondition-failed", "The schedule is not as you took it to be.",
        $"What is at '{id}' does not meet If-Match or If-None-Match. Nothing was changed.");

    /// <param name="schedule">What is there; null: nothing.</param>
    public bool Allows(Schedule? schedule) => (Match is null || Holds(Match, schedule)) && (NoneMatch is null || !Holds(NoneMatch, schedule));

    private static bool Holds(IReadOnlyCollection<string> tags, Schedule? schedule) =>
        schedule is not null && (tags.Contains(Any) || tags.Contains(TagOf(schedule)));

    private static bool TryRead(StringValues header, out IReadOnlyCollection<string>? tags)
    {
        tags = null;
        if (header.Count == 0)
        {
            return true;
        }
        if (!EntityTagHeaderValue.TryParseStrictList([.. header.OfType<string>()], out var read))
        {
            return false;
        }
        tags = [.. read.Where(tag => !tag.IsWeak).Select(tag => tag.Tag.Value!)];
        return true;
    }
}
