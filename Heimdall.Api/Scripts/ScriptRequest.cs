using Heimdall.Api.Problems;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Scripts;

/// <summary>What all requests for one script have in common: its path, the conditions, and what is answered where there is none.</summary>
internal static class ScriptRequest
{
    public const string ContentType = "application/sql";

    private const string Start = "/api/v1/sql/";

    private const string Rules =
        "It must end in .sql, be relative and not too long, and have no '.', '..' or empty parts, no quotes, semicolons, line breaks or backslashes.";

    private const string TagsExpected = "Must be * or a list of ETags in double quotes.";

    /// <summary>
    /// The script's path as it was sent, decoded once. In the route it stands without its <c>..</c>, which the server has resolved, and
    /// with <c>%2F</c> as it was, which is how generated clients write a slash in a parameter.
    /// </summary>
    public static string PathOf(HttpContext context, string path)
    {
        var sent = Uri.UnescapeDataString(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0]);
        var start = sent.IndexOf(Start, StringComparison.Ordinal); // behind a host, or a proxy's own path
        return start >= 0 ? sent[(start + Start.Length)..] : path;
    }

    public static string PathTo(string path) => Start + string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    public static string TagOf(string sha256) => $"\"{sha256}\"";

    /// <returns>The conditions, or null and what is wrong with them.</returns>
    public static (ScriptCondition? Condition, ContextProblem? Problem) ConditionOf(HttpRequest request)
    {
        if (!TryRead(request.Headers.IfMatch, out var match))
        {
            return (null, new(HeaderNames.IfMatch, TagsExpected));
        }
        return TryRead(request.Headers.IfNoneMatch, out var noneMatch)
            ? (new ScriptCondition(match, noneMatch), null)
            : (null, new(HeaderNames.IfNoneMatch, TagsExpected));
    }

    /// <summary>The answer where there is no script to work with.</summary>
    public static ProblemHttpResult Refusal(ScriptPlace place) => place.Kind switch
    {
        ScriptPlaceKind.Forbidden => Problem.Invalid([new("path", $"'{place.Name}' is not the path of a script. {Rules}")]),
        ScriptPlaceKind.Outside => Problem.Invalid([new("path", $"'{place.Name}' leads out of the directory of scripts.")]),
        _ => Problem.NotFound($"There is no script {place.Name}."),
    };

    public static ProblemHttpResult ConditionFailed(ScriptPlace place) => Problem.Of(
        StatusCodes.Status412PreconditionFailed, "precondition-failed", "The script is not as you took it to be.",
        $"What is at {place.Name} does not meet If-Match or If-None-Match. Nothing was changed.");

    /// <summary>Tags that are marked as weak promise less than the same content, so they are equal to nothing.</summary>
    private static bool TryRead(StringValues header, out IReadOnlyCollection<string>? hashes)
    {
        hashes = null;
        if (header.Count == 0)
        {
            return true;
        }
        if (!EntityTagHeaderValue.TryParseStrictList([.. header.OfType<string>()], out var tags))
        {
            return false;
        }
        hashes = [.. tags.Where(tag => !tag.IsWeak).Select(tag => tag.Tag == "*" ? ScriptCondition.Any : tag.Tag.Value!.Trim('"'))];
        return true;
    }
}
