using Heimdall.Api.Origins;
using Microsoft.AspNetCore.Authorization;

namespace Heimdall.Api.Callers;

/// <summary>What became of the cookie of a browser's session in a request.</summary>
internal static class BrowserSession
{
    public const string SchemeName = "Session";

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
    /// Whether a request has the cookie, and may be known by it. REST does not take it where a page of another site is
    /// named. What needs no caller needs no session either, and so no store.
    /// </summary>
    public static bool Offers(HttpContext context)
    {
        var isOffered = SessionCookie.IsIn(context.Request)
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

    /// <summary>Whether the cookie is what the request came with.</summary>
    public static bool IsPresented(HttpContext context) => context.Items.ContainsKey(_state);

    /// <summary>Has the browser drop a cookie that did not help.</summary>
    public static void Forget(HttpContext context)
    {
        if (IsPresented(context))
        {
            context.Response.Cookies.Delete(SessionCookie.Name, SessionCookie.Options(context.Request));
        }
    }
}
