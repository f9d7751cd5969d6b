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
        RuleForEach(auth => auth.Roles).SetValidator(new RoleConfigValidator());
        RuleFor(auth => auth.DefaultRole).Must(role => role == RoleNames.None || RoleNames.Find(role) is not null)
            .WithMessage($"must be one of {string.Join(", ", RoleNames.All)}, {RoleNames.None}");
    }

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\z")]
    private static partial Regex HeaderName();
}
