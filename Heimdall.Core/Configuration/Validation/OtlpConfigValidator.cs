using System.Text.RegularExpressions;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed partial class OtlpConfigValidator : AbstractValidator<OtlpConfig>
{
    public OtlpConfigValidator()
    {
        RuleFor(otlp => otlp.Endpoint)
            .Must(endpoint => endpoint is null || (Uri.TryCreate(endpoint, UriKind.Absolute, out var url)
                && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps) && url.UserInfo.Length == 0))
            .WithMessage("must be an absolute http or https URL without a user, such as http://127.0.0.1:4317");
        RuleFor(otlp => otlp.Protocol).Must(protocol => protocol is OtlpConfig.Grpc or OtlpConfig.Http)
            .WithMessage($"must be {OtlpConfig.Grpc} or {OtlpConfig.Http}");
        RuleFor(otlp => otlp.Headers).Custom(CheckHeaders);
        RuleFor(otlp => otlp.MetricsInterval).IsWait()
            .Must(interval => interval >= TimeSpan.FromSeconds(1)).WithMessage("must not be shorter than 1s");
    }

    private static void CheckHeaders(string? headers, ValidationContext<OtlpConfig> context)
    {
        try
        {
            if (headers is not null && !Headers().IsMatch(SecretReferences.Resolve(headers)))
            {
                context.AddFailure("must be name=value, with commas between several and values encoded as in a URL");
            }
        }
        catch (SecretReferenceException e)
        {
            context.AddFailure(e.Message); // it names the reference only
        }
    }

    // Names are tokens of RFC 9110; values are visible ASCII without a comma.
    [GeneratedRegex(@"^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!-+\x2D-~]+(?:,(?!\z)|\z))+\z")]
    private static partial Regex Headers();
}
