using System.Text.RegularExpressions;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed partial class AuthConfigValidator : AbstractValidator<AuthConfig>
{
    public AuthConfigValidator()
    {
        RuleFor(auth => auth.Header).Must(header => header is null || HeaderName().IsMatch(header))
            .WithMessage("must be the name of an HTTP header, such as X-Heimdall-User");
        RuleFor(auth => auth.TrustedProxies).Must((auth, proxies) => auth.Header is null || proxies.Length > 0)
            .WithMessage(
                "must list the addresses of the proxies that set auth.header, such as [10.0.0.5, 10.1.0.0/16]: "
                + "anybody else who reaches the API could name any user");
        RuleFor(auth => auth.TrustedProxies).Must((auth, proxies) => auth.Header is not null || proxies.Length == 0)
            .WithMessage("needs auth.header: the header in which these proxies name the user");
        RuleForEach(auth => auth.TrustedProxies).Must(proxy => AddressRange.TryRead(proxy, out _))
            .WithMessage("must be an address or a network without host bits, such as 10.0.0.5 or 10.1.0.0/16");
        RuleForEach(auth => auth.ApiKeys).SetValidator(new ApiKeyConfigValidator());
        RuleFor(auth => auth.Jwt).SetValidator(new JwtConfigValidator()!);
        RuleFor(auth => auth.Oidc).SetValidator(new OidcConfigValidator()!);
        RuleFor(auth => auth.Jwt).Must((auth, jwt) => !TakesIdTokens(jwt, auth.Oidc))
            .WithMessage(
                "must have another audience than auth.oidc.client_id: the ID token of each sign-in would be taken as a "
                + "bearer token, also after the sign-out");
        RuleForEach(auth => auth.Roles).SetValidator(new RoleConfigValidator());
        RuleFor(auth => auth.DefaultRole).Must(role => role == RoleNames.None || RoleNames.Find(role) is not null)
            .WithMessage($"must be one of {string.Join(", ", RoleNames.All)}, {RoleNames.None}");
    }

    private static bool TakesIdTokens(JwtConfig? jwt, OidcConfig? oidc) => jwt is not null && oidc is not null
        && jwt.Audience == oidc.ClientId
        && new[] { jwt.Authority, jwt.Issuer }.Any(one => one?.TrimEnd('/') == oidc.Authority.TrimEnd('/'));

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\z")]
    private static partial Regex HeaderName();
}
