using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Both processes need the keys, so both need the files.</summary>
internal sealed class SecretsConfigValidator : AbstractValidator<SecretsConfig>
{
    public SecretsConfigValidator()
    {
        RuleFor(secrets => secrets.Directory).Must(directory => directory is null || Directory.Exists(directory))
            .WithMessage(secrets => $"must be a directory that exists: {secrets.Directory} is none");
        RuleFor(secrets => secrets.Certificate).Custom((file, context) => Check(file, context.AddFailure));
        RuleForEach(secrets => secrets.FormerCertificates).Custom((file, context) => Check(file, context.AddFailure));
    }

    private static void Check(string? file, Action<string> add)
    {
        if (file is not null && SecretsConfig.ReadCertificate(file).Fault is { } problem)
        {
            add(problem);
        }
    }
}
