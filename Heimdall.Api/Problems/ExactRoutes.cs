using Microsoft.AspNetCore.Routing.Patterns;

namespace Heimdall.Api.Problems;

/// <summary>
/// One spelling a route: the framework would also take upper case and a slash at the end. What stands for a parameter is
/// the caller's data and is left alone.
/// </summary>
internal static class ExactRoutes
{
    public static void UseExactRoutes(this WebApplication app)
    {
        var suggestions = app.Services.GetRequiredService<RouteSuggestions>();
        app.Use((context, next) =>
        {
            if (context.GetEndpoint() is RouteEndpoint { RoutePattern: var pattern } && !IsSpelled(pattern, context.Request.Path.Value ?? ""))
            {
                context.SetEndpoint(null);
            }
            // Who asks for /health is shown the way to /healthz, which takes everybody; any other unknown route needs a caller.
            if (context.GetEndpoint() is null && suggestions.IsForEverybody(context.Request))
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
            }
            return next(context);
        });
    }

    private static bool IsSpelled(RoutePattern pattern, string path)
    {
        if (pattern.PathSegments.Count == 0)
        {
            return path == "/";
        }
        var segments = path.Split('/')[1..];
        var isOpen = pattern.Parameters.Any(parameter => parameter.IsCatchAll);
        return (isOpen || segments.Length == pattern.PathSegments.Count)
            && pattern.PathSegments.Zip(segments).All(pair => pair.First.Parts is not [RoutePatternLiteralPart literal] || literal.Content == pair.Second);
    }
}
