using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>The keys themselves are read by the API, which alone needs them.</summary>
internal sealed class JwtConfigValidator : AbstractValidator<JwtConfig>
{
    public JwtConfigValidator()
    {
        RuleFor(jwt => jwt.Audience).IsRequired();
        RuleFor(jwt => jwt.UserClaim).IsRequired();
        RuleFor(jwt => jwt.RolesClaim).Must(claim => claim is null || !string.IsNullOrWhiteSpace(claim))
            .WithMessage("must be the name of a claim; leave it out where tokens name no roles");
        RuleFor(jwt => jwt.KeysFile)
            .Must((jwt, file) => file is null != jwt.Authority is null)
            .WithMessage("must be there where authority is not, and only there: the keys come from one of both");
        RuleFor(jwt => jwt.Issuer)
            .Must((jwt, issuer) => jwt.Authority is not null || !string.IsNullOrWhiteSpace(issuer))
            .WithMessage("must name the issuer (iss) of the tokens, because there is no authority to ask for it");
        RuleFor(jwt => jwt.Authority)
            .Must(authority => authority is null
                || (Uri.TryCreate(authority, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps))
            .WithMessage("must be an absolute https URL, such as https://login.example.org/realm");
    }
}
