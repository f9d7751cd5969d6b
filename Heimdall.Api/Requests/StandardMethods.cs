namespace Heimdall.Api.Requests;

/// <summary>
/// What RFC 9110 expects of each address, whatever its route says: HEAD where there is GET, an answer to OPTIONS, and
/// 501 to a method that nobody knows.
/// </summary>
internal static class StandardMethods
{
    private static readonly object _head = new();

    private static readonly string[] _known =
    [
        HttpMethods.Get, HttpMethods.Head, HttpMethods.Post, HttpMethods.Put, HttpMethods.Delete, HttpMethods.Patch,
        HttpMethods.Options, HttpMethods.Trace, HttpMethods.Connect,
    ];

    /// <summary>A HEAD is answered as the GET would be. The server sends no body in reply to a HEAD.</summary>
    public static void UseHeadAsGet(this WebApplication app) => app.Use((context, next) =>
    {
        if (HttpMethods.IsHead(context.Request.Method))
        {
            context.Items[_head] = true;
            context.Request.Method = HttpMethods.Get;
        }
        return next(context);
    });

    /// <summary>Whether the caller wants the headers alone.</summary>
    public static bool IsHead(this HttpContext context) => context.Items.ContainsKey(_head);

    /// <returns>The methods that an address takes, of those that its routes take.</returns>
    public static string AllowedOf(string routes)
    {
        var methods = routes.Split(',', StringSplitOptions.TrimEntries).ToList();
        if (methods.Contains(HttpMethods.Get) && !methods.Contains(HttpMethods.Head))
        {
            methods.Add(HttpMethods.Head);
        }
        methods.Add(HttpMethods.Options);
        return string.Join(", ", methods);
    }

    public static bool IsKnown(string method) => _known.Contains(method, StringComparer.Ordinal);
}
