using System.Text.Json.Nodes;

namespace Heimdall.Core.Configuration;

/// <summary>Who may call, and what they may do. Empty: the API serves the loopback interface only.</summary>
public sealed record AuthConfig
{
    /// <summary>Header in which a trusted proxy names the user, e.g. <c>X-Heimdall-User</c>. Default: none.</summary>
    public string? Header { get; init; }

    /// <summary>Addresses of the proxies whose <see cref="Header"/> is believed, such as <c>10.0.0.0/24</c>.</summary>
    public string[] TrustedProxies { get; init; } = [];

    /// <summary>Keys that stand for a user; made by <c>Heimdall.Api --new-key USER</c>.</summary>
    public ApiKeyConfig[] ApiKeys { get; init; } = [];

    /// <summary>Tokens of an identity provider. Default: none is accepted.</summary>
    public JwtConfig? Jwt { get; init; }

    /// <summary>Where people sign in who open the pages in a browser. Default: nowhere.</summary>
    public OidcConfig? Oidc { get; init; }

    /// <summary>Who has which role. A caller has the roles of all entries that apply to them.</summary>
    public RoleConfig[] Roles { get; init; } = [];

    /// <summary>The role of callers to whom no entry applies, or <c>none</c>. Default: <c>submitter</c>.</summary>
    public string DefaultRole { get; init; } = "submitter";

    public bool IsConfigured => Header is not null || ApiKeys.Length > 0 || Jwt is not null || Oidc is not null;
}

/// <summary>One API key. The key itself is nowhere stored.</summary>
public sealed record ApiKeyConfig
{
    /// <summary>The user that a request with this key comes from. A user may have several keys.</summary>
    public string User { get; init; } = "";

    /// <summary>Salt and hash of the key, as <c>--new-key</c> printed it.</summary>
    public string Hash { get; init; } = "";

    /// <summary>From when on the key is refused. Default: never.</summary>
    public DateTimeOffset? Expires { get; init; }
}

/// <summary>Which tokens (JWT) are accepted as <c>Authorization: Bearer</c>.</summary>
public sealed record JwtConfig
{
    /// <summary>Address of the identity provider, which publishes its keys; or <see cref="KeysFile"/>.</summary>
    public string? Authority { get; init; }

    /// <summary>A JSON Web Key Set with the public keys. Relative to the configuration file.</summary>
    public string? KeysFile { get; init; }

    /// <summary>The <c>iss</c> of the tokens. Default: what <see cref="Authority"/> publishes.</summary>
    public string? Issuer { get; init; }

    /// <summary>The <c>aud</c> that a token must have.</summary>
    public string Audience { get; init; } = "";

    /// <summary>The claim that names the user. Default: <c>sub</c>.</summary>
    public string UserClaim { get; init; } = "sub";

    /// <summary>A claim whose values are names of roles, which the caller then has. Default: none.</summary>
    public string? RolesClaim { get; init; }
}

/// <summary>Gives a role to callers.</summary>
public sealed record RoleConfig
{
    /// <summary><c>reader</c>, <c>submitter</c>, <c>operator</c> or <c>admin</c>.</summary>
    public string Role { get; init; } = "";

    /// <summary>Patterns of the users, matched whole. Default: not asked for.</summary>
    public string[] Users { get; init; } = [];

    /// <summary>Claims that the caller's token must have, all of them. Default: not asked for.</summary>
    public JsonObject Claims { get; init; } = [];

    /// <summary>The role counts only on clusters that carry all of these tags. Default: on all.</summary>
    public string[] ClusterTags { get; init; } = [];

    /// <summary>The role counts only for commands that carry all of these tags. Default: for all.</summary>
    public string[] CommandTags { get; init; } = [];
}
