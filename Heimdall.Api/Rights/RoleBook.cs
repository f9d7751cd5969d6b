using System.Security.Claims;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Heimdall.Api.Callers;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Rights;

/// <summary>A role that a caller has, and where it counts.</summary>
internal sealed record Grant(Role Role, TagScope Scope);

/// <summary>Who has which role, by <c>auth.roles</c>. Without <c>auth</c> each caller is an admin.</summary>
internal sealed class RoleBook(KnownCallers known, LiveCatalog catalog)
{
    private static readonly TagScope Everywhere = new([], []);

    private volatile RoleEntries _book = RoleEntries.Of(known.Config);

    public CallerRights RightsOf(ClaimsPrincipal caller) =>
        new(caller.Identity!.Name!, Find(caller), catalog.Current);

    private Grant[] Find(ClaimsPrincipal caller)
    {
        var config = known.Config;
        var book = _book;
        if (!ReferenceEquals(book.Source, config))
        {
            _book = book = RoleEntries.Of(config);
        }
        if (!config.IsConfigured)
        {
            return [new Grant(Role.Admin, Everywhere)];
        }
        Grant[] given =
        [
            .. book.Entries.Where(entry => AppliesTo(entry.Users, entry.Claims, caller)).Select(entry => entry.Grant),
            .. Credentials.RolesIn(caller).Select(role => new Grant(role, Everywhere)),
        ];
        return given.Length > 0 ? given
            : RoleNames.Find(config.DefaultRole) is { } role ? [new Grant(role, Everywhere)]
            : [];
    }

    /// <summary>Where both users and claims are asked for, the caller must have both.</summary>
    private static bool AppliesTo(Regex[] users, JsonObject claims, ClaimsPrincipal caller) =>
        (users.Length == 0 || users.Any(pattern => pattern.IsMatch(caller.Identity!.Name!)))
        && claims.All(claim => caller.HasClaim(claim.Key, claim.Value!.GetValue<string>()))
        && (users.Length > 0 || claims.Count > 0);

    /// <summary>The entries of one state of the configuration.</summary>
    private sealed record RoleEntries(AuthConfig Source, (Regex[] Users, JsonObject Claims, Grant Grant)[] Entries)
    {
        public static RoleEntries Of(AuthConfig config) => new(config, [.. config.Roles.Select(entry => (
            entry.Users.Select(CallerPattern.Compile).ToArray(),
            entry.Claims,
            new Grant(RoleNames.Find(entry.Role)!.Value, new TagScope(entry.CommandTags, entry.ClusterTags))))]);
    }
}
