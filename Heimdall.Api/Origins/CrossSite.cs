using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Origins;

/// <summary>
/// Refuses what a page of another site lets a browser send, where it would change something: the browser adds the
/// credentials that it has, and on a server without <c>auth:</c> needs none. Browsers name the page's site in
/// <c>Sec-Fetch-Site</c>, which no page can set; older ones send <c>Origin</c> alone, and programs send neither. What
/// has the cookie of a session must have one of them.
/// </summary>
internal static class CrossSite
{
    private const string Rest = "/api";
    private const string FetchSite = "Sec-Fetch-Site";

    private const string Advice =
        "A page of another site had a browser send this request, or a session's cookie came without Sec-Fetch-Site and "
        + "Origin. Pages that may do so are listed in server.cors_origins, and send a key as Authorization: Bearer; "
        + "an address of a proxy is server.public_url.";

    /// <summary>Where the host is still the one that the request named.</summary>
    public static void UseSameSiteOnly(this WebApplication app, ServerConfig config)
    {
        var own = config.PublicUrl is { } url ? OriginOf(new Uri(url)) : null;
        app.Use((context, next) => ChangesNothing(context.Request.Method) || IsOwn(context.Request, config, own)
            ? next(context)
            : Problem.Of(StatusCodes.Status403Forbidden, "cross-site", "Not from another site.", Advice)
                .ExecuteAsync(context));
    }

    private static bool ChangesNothing(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method)
        || HttpMethods.IsTrace(method);

    private static bool IsOwn(HttpRequest request, ServerConfig config, string? own)
    {
        var (origins, sites) = (request.Headers.Origin, request.Headers[FetchSite]);
        if (origins is [{ } listed] && config.CorsOrigins.Contains(listed, StringComparer.Ordinal)
            && request.IsRest(config.PublicUrl) && !HasBasic(request) && !SessionCookie.IsIn(request))
        {
            return true;
        }
        // The cookie counts whatever else is there: another header may turn out to be empty.
        // Where a browser says that the page is the server's own it is so, also behind a proxy with another name.
        return sites.Count > 0
            ? sites is ["same-origin" or "none"]
            : origins.Count == 0
                ? !SessionCookie.IsIn(request)
                : origins is [{ } origin] && (origin == own || HasHostOf(request, origin));
    }

    /// <summary>Whether a browser says that a page of another site has it send this.</summary>
    public static bool IsFromElsewhere(HttpRequest request) =>
        request.Headers[FetchSite] is { Count: > 0 } sites and not ["same-origin" or "none"];

    // A browser adds the key that it remembers also to what a page of another site sends, without asking first.
    private static bool HasBasic(HttpRequest request) => request.Headers.Authorization.Any(
        value => value?.TrimStart().StartsWith("Basic", StringComparison.OrdinalIgnoreCase) == true);

    // Not the scheme: TLS may have ended at a proxy that passes on the name.
    private static bool HasHostOf(HttpRequest request, string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var page)
        && (page.Scheme == Uri.UriSchemeHttp || page.Scheme == Uri.UriSchemeHttps)
        && page.Authority.Equals(
            request.Host.Port is 80 or 443 && page.IsDefaultPort ? request.Host.Host : request.Host.Value,
            StringComparison.OrdinalIgnoreCase);

    private static string OriginOf(Uri url) => url.GetLeftPart(UriPartial.Authority);

    /// <summary>Whether it is for the REST API; the path of the public address may still be in it.</summary>
    private static bool IsRest(this HttpRequest request, string? publicUrl)
    {
        var prefix = publicUrl is null ? "" : new Uri(publicUrl).AbsolutePath.TrimEnd('/');
        return request.Path.StartsWithSegments(Rest, StringComparison.Ordinal)
            || request.Path.StartsWithSegments($"{prefix}{Rest}", StringComparison.Ordinal);
    }

    /// <summary>Lets pages of the listed origins read what the REST API answers.</summary>
    public static void AddCrossOrigin(this IServiceCollection services, ServerConfig config)
    {
        if (config.CorsOrigins.Length > 0)
        {
            // Without credentials: a page reads nothing that a browser's own key or cookie was needed for.
            services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
                .WithOrigins(config.CorsOrigins)
                .WithMethods(HttpMethods.Get, HttpMethods.Head, HttpMethods.Post, HttpMethods.Put, HttpMethods.Delete)
                .AllowAnyHeader()
                .WithExposedHeaders(
                    HeaderNames.ETag, HeaderNames.Link, HeaderNames.Location, HeaderNames.RetryAfter,
                    HeaderNames.WWWAuthenticate, "Heimdall-Job-Id", "Idempotency-Replayed", "Preference-Applied",
                    "RateLimit-Policy", "RateLimit")
                .SetPreflightMaxAge(TimeSpan.FromMinutes(10))));
        }
    }

    /// <summary>Behind <c>UsePublicAddress</c>, and before the caller is asked for: a preflight has none.</summary>
    public static void UseCrossOrigin(this WebApplication app, ServerConfig config)
    {
        if (config.CorsOrigins.Length > 0)
        {
            app.UseWhen(
                context => context.Request.Path.StartsWithSegments(Rest, StringComparison.Ordinal),
                rest => rest.UseCors());
        }
    }
}
