namespace Heimdall.Api.Requests;

/// <summary>
/// The address at which callers reach this server through a proxy. Links, <c>Location</c>, cookies and the OpenAPI
/// document are made of it. The proxy may leave the path of the address in requests, or take it off.
/// </summary>
internal static class PublicAddress
{
    public static void UsePublicAddress(this WebApplication app, string? publicUrl)
    {
        if (publicUrl is null)
        {
            return;
        }
        var url = new Uri(publicUrl);
        var host = HostString.FromUriComponent(url);
        var prefix = PathString.FromUriComponent(url.AbsolutePath.TrimEnd('/'));
        app.Use((context, next) =>
        {
            var request = context.Request;
            request.Scheme = url.Scheme;
            request.Host = host;
            request.PathBase = prefix;
            if (prefix.HasValue && request.Path.StartsWithSegments(prefix, StringComparison.Ordinal, out var rest))
            {
                request.Path = rest.HasValue ? rest : "/";
            }
            return next(context);
        });
    }

    /// <summary>How a caller spells a path of this server.</summary>
    public static string PublicPathOf(this HttpRequest request, string path) =>
        $"{request.PathBase.ToUriComponent()}{path}";
}
