using Heimdall.Api.Problems;
using Microsoft.AspNetCore.Http.Features;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// Hangfire reads the forms of its pages and the numbers of its jobs without a look at what came, so that everything
/// else would be an error of ours: it is refused before.
/// </summary>
internal static class SoundRequests
{
    private const string Details = "/jobs/details";

    public static void UseSoundRequests(this WebApplication app, string path) => app.Use(async (context, next) =>
    {
        if (context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal, out var page) && await RefuseAsync(context, page) is { } refusal)
        {
            await refusal.ExecuteAsync(context);
            return;
        }
        await next(context);
    });

    /// <summary>
    /// The numbers on Hangfire's pages are asked for by a form with their names; its buttons name jobs.
    /// </summary>
    private static bool TakesForm(PathString page) =>
        page == "/stats"
        || (!page.StartsWithSegments("/sql")
            && page.Value?.Split('/')[^1] is "delete" or "requeue" or "enqueue" or "remove" or "trigger");

    private static async Task<IResult?> RefuseAsync(HttpContext context, PathString page)
    {
        var request = context.Request;
        if (page.StartsWithSegments(Details, out var id) && !long.TryParse(id.Value.AsSpan().Trim('/'), out _))
        {
            return Problem.NotFound(
                "Hangfire's jobs have numbers; the page of a job of Heimdall's is below /hangfire/sql/jobs.");
        }
        if (!HttpMethods.IsPost(request.Method))
        {
            if (HttpMethods.IsGet(request.Method) && !TakesForm(page))
            {
                return null;
            }
            context.Response.Headers.Allow =
                TakesForm(page) ? HttpMethods.Post : $"{HttpMethods.Get}, {HttpMethods.Post}";
            return TypedResults.StatusCode(StatusCodes.Status405MethodNotAllowed);
        }
        if (!request.HasFormContentType)
        {
            if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
            {
                return Problem.Of(
                    StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type", "The request is not a form.",
                    "Send 'Content-Type: application/x-www-form-urlencoded'.");
            }
            request.ContentType = "application/x-www-form-urlencoded"; // a button without fields
        }
        try
        {
            await request.ReadFormAsync(context.RequestAborted);
            return null;
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException and not BadHttpRequestException)
        {
            return Problem.Of(StatusCodes.Status400BadRequest, "invalid-request", "The request is not valid.", "The form of the request could not be read.");
        }
    }
}
