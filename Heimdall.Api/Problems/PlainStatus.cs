using Heimdall.Api.Descriptions;
using Heimdall.Api.Requests;
using Heimdall.Core.Database;
using Microsoft.AspNetCore.Diagnostics;

namespace Heimdall.Api.Problems;

/// <summary>Statuses that the framework sets without a body get one: unknown route, wrong method, wrong content type.</summary>
internal static class PlainStatus
{
    public static Task AsProblemAsync(StatusCodeContext context)
    {
        var http = context.HttpContext;
        var routes = http.Response.Headers.Allow.ToString();
        if (http.Response is { StatusCode: StatusCodes.Status405MethodNotAllowed } refused && routes.Length > 0)
        {
            refused.Headers.Allow = StandardMethods.AllowedOf(routes);
            if (HttpMethods.IsOptions(http.Request.Method))
            {
                refused.StatusCode = StatusCodes.Status204NoContent;
                return Task.CompletedTask;
            }
            if (!StandardMethods.IsKnown(http.Request.Method))
            {
                refused.StatusCode = StatusCodes.Status501NotImplemented;
            }
        }
        var problem = http.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => Problem.NotFound(http.RequestServices.GetRequiredService<RouteSuggestions>().DescribeMissing(http.Request)),
            StatusCodes.Status405MethodNotAllowed => Problem.Of(
                StatusCodes.Status405MethodNotAllowed, "method-not-allowed", "Not with this method.", DescribeMethods(http, routes)),
            StatusCodes.Status501NotImplemented => Problem.Of(
                StatusCodes.Status501NotImplemented, "method-unknown", "There is no such method.",
                DescribeMethods(http, routes)),
            StatusCodes.Status415UnsupportedMediaType => Problem.Of(
                StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type", "The request is not JSON.", "Send 'Content-Type: application/json'."),
            var status => Problem.Of(status, "invalid-request", "The request could not be served.", "See the status."),
        };
        return problem.ExecuteAsync(http);
    }

    private static string DescribeMethods(HttpContext http, string routes)
    {
        var refused = $"{http.Request.Path} does not take {http.Request.Method}.";
        return routes.Length > 0 ? $"{refused} It takes {routes}." : refused;
    }

    /// <summary>Until the store has been seen, everything that needs it says so; liveness and readiness answer for themselves.</summary>
    public static void UseStoreGate(this WebApplication app)
    {
        var readiness = app.Services.GetRequiredService<StoreReadiness>();
        app.Use((context, next) =>
            readiness.IsReady || NeedsNoStore(context.Request.Path)
                ? next(context)
                : ProblemMapper.StoreAway(context).ExecuteAsync(context));
    }

    private static bool NeedsNoStore(PathString path) =>
        path == "/" || path == "/healthz" || path == "/readyz" || path.StartsWithSegments("/openapi")
        || path.StartsWithSegments(DocumentAddress.Pages);
}
