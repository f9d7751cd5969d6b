using System.Security.Claims;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Callers;

/// <summary>How callers are known, and the claims that say so within a request.</summary>
internal static class Credentials
{
    public const string Key = "api_key";
    public const string Header = "header";
    public const string Jwt = "jwt";
    public const string Loopback = "loopback";

    public const string Expires = "heimdall:key_expires";
    public const string Role = "heimdall:role";

    private static readonly object _wrong = new();

    /// <summary>Marks a request that was refused for credentials that are wrong, as opposed to none.</summary>
    public static void MarkWrong(HttpContext context) => context.Items[_wrong] = true;

    public static bool AreWrong(HttpContext context) => context.Items.ContainsKey(_wrong);

    public static ClaimsPrincipal Of(string user, string how, params IEnumerable<Claim> claims) =>
        new(new ClaimsIdentity([new Claim(ClaimTypes.Name, user), .. claims], how));

    /// <returns>The roles that a token names itself.</returns>
    public static IEnumerable<Role> RolesIn(ClaimsPrincipal principal) =>
        principal.FindAll(Role).Select(claim => RoleNames.Find(claim.Value)).OfType<Role>();
}
