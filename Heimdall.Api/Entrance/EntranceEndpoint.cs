using Heimdall.Api.Descriptions;
using Heimdall.Api.Requests;
using Heimdall.Api.Serialization;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Entrance;

/// <summary>
/// <c>GET /</c>: a browser is sent to the dashboard, a program is shown what there is. Nobody has to be known for it, so it says nothing
/// about this server that the source does not say.
/// </summary>
internal static class EntranceEndpoint
{
    private const string Dashboard = "/hangfire";

    private static readonly MediaTypeHeaderValue _html = new("text/html");
    private static readonly MediaTypeHeaderValue _json = new("application/json");

    public static void MapEntrance(this IEndpointRouteBuilder app) => app.MapMethods("/", [HttpMethods.Get, HttpMethods.Head], Answer)
        .WithTags(TagList.Server)
        .Named("getEntrance", "What there is: a browser is sent to the dashboard.")
        .Replies<EntranceView>(StatusCodes.Status200OK, "Where things are.")
        .Replies(StatusCodes.Status302Found, "A browser is sent to the dashboard.", HeaderList.Location);

    private static IResult Answer(HttpRequest request, HttpResponse response)
    {
        response.Headers.Append(HeaderNames.Vary, HeaderNames.Accept);
        var ranges = request.GetTypedHeaders().Accept;
        return QualityOf(_html, ranges) > QualityOf(_json, ranges)
            ? TypedResults.Redirect(request.PublicPathOf(Dashboard))
            : TypedResults.Json(View(request), ApiJson.Options);
    }

    private static EntranceView View(HttpRequest request) => new(
        "Heimdall", "Runs SQL on PostgreSQL for callers without database credentials.",
        request.PublicPathOf("/api/v1"), request.PublicPathOf(DocumentAddress.Document),
        request.PublicPathOf(DocumentAddress.Pages), request.PublicPathOf(Dashboard),
        new HealthLinks(request.PublicPathOf("/healthz"), request.PublicPathOf("/readyz")),
        "README.md and docs/ in Heimdall's source");

    /// <summary>The range that fits best decides. Browsers name HTML, and everything else with a lower quality.</summary>
    private static double QualityOf(MediaTypeHeaderValue type, IEnumerable<MediaTypeHeaderValue> ranges) => ranges
        .Where(type.IsSubsetOf)
        .OrderByDescending(range => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2)
        .Select(range => range.Quality ?? 1)
        .FirstOrDefault();
}

/// <summary>Where things are.</summary>
internal sealed record EntranceView(
    string Name, string Description, string Api, string Openapi, string Reference, string Dashboard,
    HealthLinks Health, string Docs);

/// <summary>Where the process says how it is.</summary>
internal sealed record HealthLinks(string Alive, string Ready);
