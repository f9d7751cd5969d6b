using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Only the API reads the files, so a worker's check does not ask for them.</summary>
internal sealed class TlsConfigValidator : AbstractValidator<TlsConfig>
{
    public TlsConfigValidator()
    {
        RuleFor(tls => tls.Certificate).IsRequired();
        RuleFor(tls => tls.Key).IsRequired();
    }
}
