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

    /// <summary>A browser that is signed in at the identity provider.</summary>
    public const string Oidc = "oidc";

    public const string Expires = "heimdall:key_expires";
    public const string Role = "heimdall:role";

    /// <summary>Of all claims that say something about a caller here.</summary>
    private const string Ours = "heimdall:";

    /// <summary>
    /// Owners of what nobody has asked for: of the file's schedules, and of jobs from before there were users. A caller
    /// who chooses such a name would own these.
    /// </summary>
    private static readonly string[] Reserved = ["anonymous", "dashboard", "scheduler"];

    private static readonly object _wrong = new();

    /// <summary>Marks a request that was refused for credentials that are wrong, as opposed to none.</summary>
    public static void MarkWrong(HttpContext context) => context.Items[_wrong] = true;

    public static bool AreWrong(HttpContext context) => context.Items.ContainsKey(_wrong);

    /// <summary>Whether a name is Heimdall's own. Only a key, which the administrator makes, may have it.</summary>
    public static bool IsReserved(string user) => Reserved.Contains(user, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a claim would be read as one of ours: their types are compared without case.</summary>
    public static bool IsOurs(string claimType) =>
        claimType.StartsWith(Ours, StringComparison.OrdinalIgnoreCase)
        || claimType.Equals(ClaimTypes.Name, StringComparison.OrdinalIgnoreCase);

    public static ClaimsPrincipal Of(string user, string how, params IEnumerable<Claim> claims) =>
        new(new ClaimsIdentity([new Claim(ClaimTypes.Name, user), .. claims], how));

    /// <returns>The roles that a token names itself.</returns>
    public static IEnumerable<Role> RolesIn(ClaimsPrincipal principal) =>
        principal.FindAll(Role).Select(claim => RoleNames.Find(claim.Value)).OfType<Role>();
}
