using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Heimdall.Api.Problems;

/// <summary>
/// Finds the route that a caller most likely meant who asked for one that does not exist: another case, a slash at the
/// end, a part of <c>/api/v1</c> left out, <c>job</c> in the place of <c>jobs</c>, an id of a job that is not a UUID.
/// </summary>
internal sealed class RouteSuggestions(EndpointDataSource endpoints)
{
    private const string Otherwise = "GET /openapi/v1.json lists what there is.";
    private const string IdOfAJob = "guid"; // as the routes of jobs constrain it
    private const int MostSegments = 16;

    /// <summary>Names that other products have for what has one here.</summary>
    private static readonly Dictionary<string, string[]> _synonyms = new(StringComparer.OrdinalIgnoreCase)
    {
        ["/healthz"] = ["health", "alive", "live", "livez", "ping"],
        ["/readyz"] = ["ready"],
        ["/openapi/v1.json"] =
            ["openapi", "openapi.json", "openapi.yaml", "swagger", "swagger.json"],
        ["/docs"] = ["docs", "api-docs", "redoc", "scalar"],
        ["/hangfire"] = ["dashboard", "ui"],
    };

    private readonly Lazy<OfferedRoute[]> _routes = new(() =>
    [
        .. endpoints.Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint => (Endpoint: endpoint, endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods))
            .Where(found => found.HttpMethods is not null)
            .Select(found => new OfferedRoute(found.Endpoint.RoutePattern, found.HttpMethods!, IsOpen(found.Endpoint)))
            .OrderByDescending(route => route.Pattern.PathSegments.Count(segment => LiteralOf(segment) is not null)),
    ]);

    /// <summary>What to say to a request for a route that does not exist.</summary>
    public string DescribeMissing(HttpRequest request) =>
        $"There is no {request.Method} {request.Path}. {Find(request.Method, request.Path)?.Text ?? Otherwise}";

    /// <summary>
    /// Whether a request without a caller gets the suggestion, because what it most likely meant needs no caller.
    /// </summary>
    public bool IsForEverybody(HttpRequest request) => Find(request.Method, request.Path) is { IsOpen: true };

    private Suggestion? Find(string method, string path)
    {
        var segments = path.Split('/', MostSegments + 1, StringSplitOptions.RemoveEmptyEntries);
        if (segments.Length is 0 or > MostSegments)
        {
            return null;
        }
        if (FindSynonym(segments[^1]) is { } known && IsBare(segments[..^1]))
        {
            return new Suggestion($"Did you mean GET {known}?", known is "/healthz" or "/readyz");
        }
        string[][] readings = [segments, ["api", "v1", .. segments.SkipWhile(IsPrefix)]];
        foreach (var isAlike in new Func<string, string, bool>[] { IsSameWord, IsSameThing })
        {
            foreach (var reading in readings)
            {
                if (FindAlike(method, path, reading, isAlike) is { } found)
                {
                    return found;
                }
            }
        }
        return readings.Select(FindWithWrongId).FirstOrDefault(found => found is not null);
    }

    private Suggestion? FindAlike(string method, string path, string[] segments, Func<string, string, bool> isAlike)
    {
        var routes = _routes.Value
            .Where(route => route.Matches(segments, isAlike) && route.WrongId(segments) is null)
            .ToArray();
        // What was asked for is not there, whatever a route says.
        var right = routes.Select(route => route.Spell(segments)).FirstOrDefault(address => address != path);
        if (right is null)
        {
            return null;
        }
        var same = routes.Where(route => route.Spell(segments) == right).ToArray();
        var methods = same.SelectMany(route => route.Methods).Distinct().Order(StringComparer.Ordinal).ToArray();
        return methods.Contains(method, StringComparer.Ordinal)
            ? new Suggestion($"Did you mean {method} {right}?", same.Any(route => route.IsOpen))
            : new Suggestion($"{right} takes {string.Join(", ", methods)}.", same.Any(route => route.IsOpen));
    }

    private Suggestion? FindWithWrongId(string[] segments)
    {
        var wrong = _routes.Value.Where(route => route.Matches(segments, IsSameWord))
            .Select(route => route.WrongId(segments))
            .FirstOrDefault();
        return wrong is null ? null : new Suggestion(
            $"The id of a job is a UUID, such as 01980f3e-0000-7000-8000-000000000000; '{wrong}' is none.",
            IsOpen: false);
    }

    private static string? FindSynonym(string word) =>
        _synonyms.FirstOrDefault(entry => entry.Value.Contains(word, StringComparer.OrdinalIgnoreCase)).Key;

    private static bool IsSameWord(string one, string other) => one.Equals(other, StringComparison.OrdinalIgnoreCase);

    /// <summary>True also of "job" and "jobs".</summary>
    private static bool IsSameThing(string one, string other) =>
        IsSameWord(one.TrimEnd('s', 'S'), other.TrimEnd('s', 'S'));

    private static bool IsBare(string[] segments) => segments.All(IsPrefix);

    /// <summary>True of "api", "v1", "V2".</summary>
    private static bool IsPrefix(string segment) =>
        IsSameWord(segment, "api") || (segment is ['v' or 'V', .. var number] && number.All(char.IsAsciiDigit));

    private static bool IsOpen(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null;

    private static string? LiteralOf(RoutePatternPathSegment segment) =>
        segment.Parts is [RoutePatternLiteralPart literal] ? literal.Content : null;

    private static bool IsLike(RoutePatternPathSegment segment, string value, Func<string, string, bool> isAlike) =>
        LiteralOf(segment) is { } literal ? isAlike(literal, value)
        : segment.IsSimple || Regex.IsMatch(value, PatternOf(segment), RegexOptions.IgnoreCase);

    /// <summary>Of a segment that is more than a parameter, such as <c>{name}.json</c>.</summary>
    private static string PatternOf(RoutePatternPathSegment segment)
    {
        var parts = segment.Parts.Select(part => part switch
        {
            RoutePatternLiteralPart literal => Regex.Escape(literal.Content),
            RoutePatternSeparatorPart separator => Regex.Escape(separator.Content),
            _ => ".+",
        });
        return $@"\A{string.Concat(parts)}\z";
    }

    private sealed record Suggestion(string Text, bool IsOpen);

    private sealed record OfferedRoute(RoutePattern Pattern, IReadOnlyList<string> Methods, bool IsOpen)
    {
        private bool TakesTheRest => Pattern.Parameters.Any(parameter => parameter.IsCatchAll);

        public bool Matches(string[] segments, Func<string, string, bool> isAlike) =>
            (segments.Length == Pattern.PathSegments.Count
                || (TakesTheRest && segments.Length > Pattern.PathSegments.Count))
            && Pattern.PathSegments.Zip(segments).All(pair => IsLike(pair.First, pair.Second, isAlike));

        /// <summary>What stands in the place of a job's id and cannot be one.</summary>
        public string? WrongId(string[] segments) => Pattern.PathSegments.Zip(segments)
            .Where(pair => pair.First.Parts is [RoutePatternParameterPart part]
                && part.ParameterPolicies.Any(policy => policy.Content == IdOfAJob))
            .Select(pair => pair.Second)
            .FirstOrDefault(value => !Guid.TryParse(value, out _));

        /// <summary>The right address, with what the caller has put into the places of parameters.</summary>
        public string Spell(string[] segments) =>
            "/" + string.Join('/', segments.Select((segment, index) =>
                index < Pattern.PathSegments.Count ? LiteralOf(Pattern.PathSegments[index]) ?? segment : segment));
    }
}
