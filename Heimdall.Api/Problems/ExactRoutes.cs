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

    private static bool IsSpelled(RoutePattern pattern, ReadOnlySpan<char> path)
    {
        var segments = pattern.PathSegments;
        if (segments.Count == 0)
        {
            return path is "/";
        }
        var rest = path is ['/', .. var behind] ? behind : path;
        var place = 0;
        foreach (var range in rest.Split('/'))
        {
            if (place == segments.Count)
            {
                return IsOpen(segments[^1]);
            }
            if (segments[place].Parts is [RoutePatternLiteralPart literal] && !rest[range].SequenceEqual(literal.Content))
            {
                return false;
            }
            place++;
        }
        return place == segments.Count || IsOpen(segments[^1]) || IsOptional(segments[place]);
    }

    private static bool IsOptional(RoutePatternPathSegment segment) =>
        segment.Parts is [RoutePatternParameterPart { IsOptional: true }];

    /// <summary>Whether the rest of a path, however long, belongs to one parameter. That one is the last.</summary>
    private static bool IsOpen(RoutePatternPathSegment segment) =>
        segment.Parts is [RoutePatternParameterPart { IsCatchAll: true }];
}
