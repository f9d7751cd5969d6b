using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class ApiKeyConfigValidator : AbstractValidator<ApiKeyConfig>
{
    private const int MinSaltBytes = 16;
    private const int HashBytes = 32;

    public ApiKeyConfigValidator()
    {
        RuleFor(key => key.User).IsRequired().IsAtMost(ConfigRules.MaxNameLength);
        RuleFor(key => key.Hash).Cascade(CascadeMode.Stop).IsRequired().Custom(CheckHash);
    }

    private static void CheckHash(string hash, ValidationContext<ApiKeyConfig> context)
    {
        try
        {
            if (!BeHash(SecretReferences.Resolve(hash)))
            {
                context.AddFailure("must be sha256:<salt>:<hash>, as Heimdall.Api --new-key prints it");
            }
        }
        catch (SecretReferenceException e)
        {
            context.AddFailure(e.Message); // it names the reference only
        }
    }

    private static bool BeHash(string hash) =>
        hash.Split(':') is ["sha256", var salt, var digest]
        && LengthOf(salt) >= MinSaltBytes
        && LengthOf(digest) == HashBytes;

    private static int LengthOf(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? length : 0;
    }
}
