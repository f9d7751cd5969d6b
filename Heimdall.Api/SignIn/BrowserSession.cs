using Heimdall.Api.Origins;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authorization;

namespace Heimdall.Api.SignIn;

/// <summary>The cookie of a browser that is signed in, and what became of it in a request.</summary>
internal static class BrowserSession
{
    public const string SchemeName = "Session";
    public const string Cookie = "heimdall_session";

    private const string Rest = "/api";

    private static readonly object _state = new();

    private enum Proof
    {
        /// <summary>It was presented, and the framework has not asked for the session of it yet.</summary>
        Presented,

        /// <summary>It is ours: the framework has asked for the session of it.</summary>
        Ours,
    }

    /// <summary>
    /// Whether a request has the cookie, and may be known by it. REST takes it of this server's own pages only. What
    /// needs no caller needs no session either, and so no store.
    /// </summary>
    public static bool Offers(HttpContext context, AuthConfig now)
    {
        var isOffered = now.Oidc is not null && context.Request.Cookies.ContainsKey(Cookie)
            && context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is null
            && !(context.Request.Path.StartsWithSegments(Rest, StringComparison.Ordinal)
                && CrossSite.IsFromElsewhere(context.Request));
        if (isOffered)
        {
            context.Items[_state] = Proof.Presented;
        }
        return isOffered;
    }

    public static void MarkOurs(HttpContext context) => context.Items[_state] = Proof.Ours;

    /// <summary>Whether the cookie is one of this server, whatever has become of its session.</summary>
    public static bool IsOurs(HttpContext context) => context.Items[_state] is Proof.Ours;

    /// <summary>Has the browser drop a cookie that did not help.</summary>
    public static void Forget(HttpContext context)
    {
        if (context.Items.ContainsKey(_state))
        {
            context.Response.Cookies.Delete(Cookie, Options(context.Request));
        }
    }

    /// <summary>How this server's own cookies of the sign-in are set.</summary>
    public static CookieOptions Options(HttpRequest request) => new()
    {
        Path = request.PathBase.HasValue ? request.PathBase.ToUriComponent() : "/",
        HttpOnly = true,
        Secure = request.IsHttps,
        SameSite = SameSiteMode.Lax,
        IsEssential = true,
    };
}
