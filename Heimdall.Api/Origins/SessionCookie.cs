namespace Heimdall.Api.Origins;

/// <summary>The cookie of a browser that is signed in.</summary>
internal static class SessionCookie
{
    public const string Name = "heimdall_session";

    public static bool IsIn(HttpRequest request) => request.Cookies.ContainsKey(Name);

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
