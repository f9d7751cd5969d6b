namespace Heimdall.Api.Requests;

/// <summary>
/// What every reply says: nobody on the way keeps it, and no browser takes it for anything but what its type says, such
/// as a script that a caller has put for a page of ours.
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
        var headers = ((HttpResponse)state).Headers;
        headers.XContentTypeOptions = "nosniff";
        if (headers.CacheControl.Count == 0)
        {
            headers.CacheControl = "no-store";
        }
        return Task.CompletedTask;
    }
}
