namespace Heimdall.Core.Configuration;

/// <summary>The identity provider at which browsers sign in by OpenID Connect, and how long that lasts.</summary>
public sealed record OidcConfig
{
    /// <summary>Address of the identity provider, above <c>/.well-known/openid-configuration</c>.</summary>
    public string Authority { get; init; } = "";

    /// <summary>The name under which the provider knows this server; its tokens have it as <c>aud</c>.</summary>
    public string ClientId { get; init; } = "";

    /// <summary>Such as <c>${file:/run/secrets/oidc}</c>. Default: none, PKCE alone.</summary>
    public string? ClientSecret { get; init; }

    /// <summary>What is asked for; <c>openid</c> is needed. Default: <c>openid</c> and <c>profile</c>.</summary>
    public string[] Scopes { get; init; } = ["openid", "profile"];

    /// <summary>The claim of the ID token that names the user. Default: <c>sub</c>.</summary>
    public string UserClaim { get; init; } = "sub";

    /// <summary>A claim whose values are names of roles, which the caller then has. Default: none.</summary>
    public string? RolesClaim { get; init; }

    /// <summary>How long a session lasts that is not used. Default: 1 hour.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a session lasts at most. Default: 12 hours.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(12);
}
