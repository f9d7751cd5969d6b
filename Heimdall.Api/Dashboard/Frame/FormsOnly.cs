using Heimdall.Api.Problems;
using Microsoft.AspNetCore.Http.Features;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// What the dashboard's pages send are forms. Hangfire reads them without a look at what came, so that everything else would be an error
/// of ours: it is refused before.
/// </summary>
internal static class FormsOnly
{
    public static void UseFormsOnly(this WebApplication app, string path) => app.Use(async (context, next) =>
    {
        if (context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal, out var page) && await RefuseAsync(context, page) is { } refusal)
        {
            await refusal.ExecuteAsync(context);
            return;
        }
        await next(context);
    });

    private static async Task<IResult?> RefuseAsync(HttpContext context, PathString page)
    {
        var request = context.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            // The numbers on the pages are asked for by a form with their names.
            if (page != "/stats")
            {
                return null;
            }
            context.Response.Headers.Allow = HttpMethods.Post;
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
        catch (InvalidDataException)
        {
            return Problem.Of(StatusCodes.Status400BadRequest, "invalid-request", "The request is not valid.", "The form of the request could not be read.");
        }
    }
}
