using System.Text.RegularExpressions;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed partial class AuthConfigValidator : AbstractValidator<AuthConfig>
{
    public AuthConfigValidator()
    {
        RuleFor(auth => auth.Header).Must(header => header is null || HeaderName().IsMatch(header)).WithMessage("must be the name of an HTTP header, such as X-Heimdall-User");
        RuleForEach(auth => auth.ApiKeys).SetValidator(new ApiKeyConfigValidator());
    }

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\z")]
    private static partial Regex HeaderName();
}
