using Heimdall.Api.Problems;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Conditions;

/// <summary>
/// What a caller takes something to be before he changes it: <c>If-Match</c> and <c>If-None-Match</c>. A null list: he
/// does not say.
/// </summary>
internal sealed record EditCondition(IReadOnlyCollection<string>? Match, IReadOnlyCollection<string>? NoneMatch)
{
    private const string Any = "*";

    /// <returns>Null when a header is not as it should be.</returns>
    public static EditCondition? Read(HttpRequest request) =>
        TryRead(request.Headers.IfMatch, out var match) && TryRead(request.Headers.IfNoneMatch, out var noneMatch)
            ? new EditCondition(match, noneMatch)
            : null;

    public static ProblemHttpResult Unreadable() =>
        Problem.Invalid(
            [
                new(
                    $"{HeaderNames.IfMatch}, {HeaderNames.IfNoneMatch}",
                    "Must be * or a list of ETags in double quotes."),
            ]);

    /// <param name="kind">Such as <c>schedule</c>.</param>
    /// <param name="id">Of the thing.</param>
    public static ProblemHttpResult Failed(string kind, string id) => Problem.Of(
        StatusCodes.Status412PreconditionFailed, "precondition-failed", $"The {kind} is not as you took it to be.",
        $"What is at '{id}' does not meet If-Match or If-None-Match. Nothing was changed.");

    /// <param name="tag">The ETag of what is there; null: nothing.</param>
    public bool Allows(string? tag) =>
        (Match is null || Holds(Match, tag)) && (NoneMatch is null || !Holds(NoneMatch, tag));

    private static bool Holds(IReadOnlyCollection<string> tags, string? tag) =>
        tag is not null && (tags.Contains(Any) || tags.Contains(tag));

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
