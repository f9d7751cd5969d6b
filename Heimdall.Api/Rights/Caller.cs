using System.Globalization;
using Heimdall.Api.Callers;

namespace Heimdall.Api.Rights;

/// <summary>Who sends a request, and what they may do.</summary>
/// <param name="Name">The user.</param>
/// <param name="AuthenticatedBy">One of the words of <see cref="Credentials"/>.</param>
/// <param name="KeyExpiresAt">When their key is refused; null: never, or there is no key.</param>
/// <param name="Rights">What they may do.</param>
internal sealed record Caller(string Name, string AuthenticatedBy, DateTimeOffset? KeyExpiresAt, CallerRights Rights);

internal static class CallerOfRequest
{
    private static readonly object _caller = new();

    /// <summary>Who sends a request. The same during all of it, whatever changes in the catalog.</summary>
    public static Caller Caller(this HttpContext context)
    {
        if (context.Items[_caller] is Caller known)
        {
            return known;
        }
        var name = context.CallerName();
        var caller = new Caller(
            name,
            context.User.Identity!.AuthenticationType!,
            context.User.FindFirst(Credentials.Expires) is { } expires
                ? DateTimeOffset.Parse(expires.Value, CultureInfo.InvariantCulture)
                : null,
            context.RequestServices.GetRequiredService<RoleBook>().RightsOf(context.User));
        context.Items[_caller] = caller;
        return caller;
    }
}
