using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class OtlpConfigValidator : AbstractValidator<OtlpConfig>
{
    public OtlpConfigValidator()
    {
        RuleFor(otlp => otlp.Endpoint)
            .Must(endpoint => endpoint is null || (Uri.TryCreate(endpoint, UriKind.Absolute, out var url)
                && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps) && url.UserInfo.Length == 0))
            .WithMessage("must be an absolute http or https URL without a user, such as http://127.0.0.1:4317");
        RuleFor(otlp => otlp.Protocol).Must(protocol => protocol is OtlpConfig.Grpc or OtlpConfig.Http)
            .WithMessage($"must be {OtlpConfig.Grpc} or {OtlpConfig.Http}");
        RuleFor(otlp => otlp.MetricsInterval).IsWait()
            .Must(interval => interval >= TimeSpan.FromSeconds(1)).WithMessage("must not be shorter than 1s");
    }
}
