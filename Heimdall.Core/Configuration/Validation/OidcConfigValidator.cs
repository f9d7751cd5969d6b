using System.Text.RegularExpressions;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>What can be known without the provider, which need not be there when Heimdall starts.</summary>
internal sealed partial class OidcConfigValidator : AbstractValidator<OidcConfig>
{
    private static readonly TimeSpan LongestSession = TimeSpan.FromDays(30);

    public OidcConfigValidator()
    {
        RuleFor(oidc => oidc.Authority).Cascade(CascadeMode.Stop).IsRequired().Must(BeAddress)
            .WithMessage(
                "must be an absolute https URL, such as https://login.example.org/realm; "
                + "http is taken of a loopback address only");
        RuleFor(oidc => oidc.ClientId).IsRequired().IsAtMost(ConfigRules.MaxNameLength);
        RuleFor(oidc => oidc.ClientSecret).Custom((secret, context) =>
        {
            if (secret is not null && FindSecretProblem(secret) is { } problem)
            {
                context.AddFailure(problem);
            }
        });
        RuleFor(oidc => oidc.Scopes).Must(scopes => scopes.Contains("openid", StringComparer.Ordinal))
            .WithMessage("must contain openid: without it the provider tells no identity");
        RuleForEach(oidc => oidc.Scopes).Must(scope => Scope().IsMatch(scope))
            .WithMessage("must be a scope without blanks, such as profile");
        RuleFor(oidc => oidc.UserClaim).IsRequired();
        RuleFor(oidc => oidc.RolesClaim).Must(claim => claim is null || !string.IsNullOrWhiteSpace(claim))
            .WithMessage("must be the name of a claim; leave it out where tokens name no roles");
        RuleFor(oidc => oidc.IdleTimeout).Must(time => time >= TimeSpan.FromMinutes(1))
            .WithMessage("must be at least 1m");
        RuleFor(oidc => oidc.SessionLifetime).Must((oidc, time) => time >= oidc.IdleTimeout && time <= LongestSession)
            .WithMessage("must be at least auth.oidc.idle_timeout and at most 30d");
    }

    private static bool BeAddress(string authority) =>
        Uri.TryCreate(authority, UriKind.Absolute, out var url)
        && url is { UserInfo.Length: 0, Query.Length: 0, Fragment.Length: 0 }
        && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback));

    private static string? FindSecretProblem(string secret)
    {
        try
        {
            return string.IsNullOrWhiteSpace(SecretReferences.Resolve(secret))
                ? "must not be blank; leave it out for a client without a secret"
                : null;
        }
        catch (SecretReferenceException e)
        {
            return e.Message; // it names the reference only
        }
    }

    [GeneratedRegex(@"^[\x21\x23-\x5B\x5D-\x7E]+\z")]
    private static partial Regex Scope();
}
