using Heimdall.Api.Rights;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// The dashboard is one origin: nothing is fetched from another host, no script runs that is not a file of ours or Hangfire's, and no
/// other page shows it within itself. Hangfire's pages have styles in their tags, so those are allowed.
/// </summary>
internal static class SecurityHeaders
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static void UseSecurityHeaders(this WebApplication app, string path) => app.Use((context, next) =>
    {
        if (context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal))
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = Policy;
            headers["Referrer-Policy"] = "same-origin";
        }
        return next(context);
    });

    /// <summary>
    /// Hangfire sends its files as if they were pages: to be fetched again each time, with a cookie. A browser may keep
    /// them for an hour.
    /// </summary>
    public static void UseKeptFiles(this WebApplication app, string path) => app.Use((context, next) =>
    {
        if (context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal, out var file)
            && HttpMethods.IsGet(context.Request.Method)
            && AccessTable.PageOf(context.Request.Method, file.Value!) == AccessTable.StockFile)
        {
            context.Response.OnStarting(() =>
            {
                var headers = context.Response.Headers;
                headers.CacheControl = context.Response.StatusCode == StatusCodes.Status200OK ? "private, max-age=3600" : "no-store";
                headers.Remove("Pragma");
                headers.Remove("Set-Cookie");
                return Task.CompletedTask;
            });
        }
        return next(context);
    });
}
