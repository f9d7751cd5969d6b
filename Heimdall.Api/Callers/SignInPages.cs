using Heimdall.Api.Origins;
using Heimdall.Api.Requests;

namespace Heimdall.Api.Callers;

/// <summary>The addresses of the sign-in, and the way from a page to them and back.</summary>
internal static class SignInPages
{
    public const string SignIn = "/signin";
    public const string Start = "/signin/start";
    public const string Key = "/signin/key";
    public const string SignOut = "/signout";

    /// <summary>Where the provider sends browsers back to. These two have to be registered with it.</summary>
    public const string Callback = "/signin-oidc";
    public const string SignedOutCallback = "/signout-callback-oidc";

    public const string Home = "/hangfire";

    /// <summary>In the query: the page that was asked for.</summary>
    public const string Return = "return";

    /// <summary>That this browser is to be asked for a key. It is a choice, and nobody is known by it.</summary>
    private const string KeyChoice = "heimdall_key";

    /// <summary>It is in addresses and headers, of which what stands between takes a few thousand bytes.</summary>
    private const int LongestReturn = 1000;

    private static readonly PathString[] _pages = ["/hangfire", "/console", "/docs", "/openapi"];

    /// <summary>Whether somebody opens a page, as opposed to a script that asks for something.</summary>
    /// <param name="context">The request.</param>
    /// <param name="pages">What is a page.</param>
    public static bool Takes(HttpContext context, IEnumerable<PathString> pages)
    {
        var request = context.Request;
        return (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
            && pages.Any(page => request.Path.StartsWithSegments(page, StringComparison.Ordinal))
            && !HasChosenKey(context)
            && (request.Headers["Sec-Fetch-Mode"] is [{ } mode]
                ? mode == "navigate"
                : request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Sends a browser to the sign-in, from where it comes back.</summary>
    public static void SendThere(HttpContext context)
    {
        var request = context.Request;
        var path = request.Path.ToUriComponent();
        string[] places = [$"{path}{request.QueryString.ToUriComponent()}", path, Home];
        var wanted = places.First(place => place.Length <= LongestReturn);
        context.Response.Redirect(request.PublicPathOf(AddressOf(SignIn, wanted)));
    }

    /// <summary>An address of the sign-in that leads back to a page.</summary>
    public static string AddressOf(string path, string wanted) =>
        $"{path}?{Return}={Uri.EscapeDataString(wanted)}";

    /// <summary>
    /// The page to go back to. It is one of this server's own pages, or the first of them: no address in a link may
    /// lead elsewhere from here.
    /// </summary>
    public static string ReadReturn(HttpRequest request)
    {
        var wanted = request.Query[Return] is [{ } text] ? text : "";
        var path = wanted.Split('?', '#')[0];
        var isOurs = wanted.Length <= LongestReturn && path is ['/', not '/', ..]
            && wanted.All(letter => letter is > ' ' and < '\x7f' and not '\\') // as it may stand in a header
            && !path.Split('/').Any(part => Uri.UnescapeDataString(part) is "." or "..")
            && _pages.Any(page => new PathString(path).StartsWithSegments(page, StringComparison.Ordinal));
        return isOurs ? wanted : Home;
    }

    /// <summary>Whether this browser's user signs in with a key.</summary>
    public static bool HasChosenKey(HttpContext context) =>
        context.Request.Cookies.ContainsKey(KeyChoice) || context.Request.Path == Key;

    public static void ChooseKey(HttpContext context) =>
        context.Response.Cookies.Append(KeyChoice, "1", SessionCookie.Options(context.Request));

    public static void ForgetKey(HttpContext context)
    {
        if (context.Request.Cookies.ContainsKey(KeyChoice))
        {
            context.Response.Cookies.Delete(KeyChoice, SessionCookie.Options(context.Request));
        }
    }
}
