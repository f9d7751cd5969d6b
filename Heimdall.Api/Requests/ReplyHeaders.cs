namespace Heimdall.Api.Requests;

/// <summary>
/// What every reply says, and what RFC 9110 wants of some: nobody on the way keeps it, and no browser takes it for
/// anything but what its type says, such as a script that a caller has put for a page of ours.
/// </summary>
internal static class ReplyHeaders
{
    /// <summary>Outside of all that may replace a reply, which drops the headers that were set before.</summary>
    public static void UseReplyHeaders(this WebApplication app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(Complete, context.Response);
        return next(context);
    });

    private static Task Complete(object state)
    {
        var response = (HttpResponse)state;
        var headers = response.Headers;
        headers.XContentTypeOptions = "nosniff";
        if (headers.CacheControl.Count == 0)
        {
            headers.CacheControl = "no-store";
        }
        // Also of a query that writes where it may only read.
        if (response.StatusCode == StatusCodes.Status405MethodNotAllowed && headers.Allow.Count == 0
            && response.HttpContext.GetEndpoint()?.Metadata.GetMetadata<IHttpMethodMetadata>() is { } route)
        {
            headers.Allow = StandardMethods.AllowedOf(string.Join(", ", route.HttpMethods));
        }
        // What would have been taken: a type, unless a coding was what is wrong.
        if (response.StatusCode == StatusCodes.Status415UnsupportedMediaType && headers.AcceptEncoding.Count == 0)
        {
            headers.Accept = "application/json";
        }
        return Task.CompletedTask;
    }
}
