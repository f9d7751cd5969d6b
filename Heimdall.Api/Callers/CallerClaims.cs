using System.Security.Claims;

namespace Heimdall.Api.Callers;

/// <summary>Whom a token of an identity provider names, and which roles: for programs and for browsers.</summary>
internal static class CallerClaims
{
    public const int MaxUserLength = 300;

    /// <param name="token">Checked by the framework.</param>
    /// <param name="userClaim">Names the user, once.</param>
    /// <param name="rolesClaim">Its values are names of roles; null: there is none.</param>
    /// <param name="how">One of the words of <see cref="Credentials"/>.</param>
    /// <returns>The caller; null, with the reason, when the token names none.</returns>
    public static (ClaimsPrincipal? Principal, string? Refusal) Read(
        ClaimsPrincipal token, string userClaim, string? rolesClaim, string how)
    {
        var users = token.FindAll(userClaim).ToArray();
        if (users is not [{ Value: var user }] || string.IsNullOrWhiteSpace(user)
            || user.Length > MaxUserLength || user.Any(char.IsControl))
        {
            return (null, $"does not name one user in its claim {userClaim}");
        }
        if (Credentials.IsReserved(user))
        {
            return (null, $"names the user {user}, whose name is Heimdall's own");
        }
        var roles = rolesClaim is null
            ? []
            : token.FindAll(rolesClaim).Select(role => new Claim(Credentials.Role, role.Value));
        var others = token.Claims.Where(other => !Credentials.IsOurs(other.Type));
        return (Credentials.Of(user, how, [.. others, .. roles]), null);
    }
}
