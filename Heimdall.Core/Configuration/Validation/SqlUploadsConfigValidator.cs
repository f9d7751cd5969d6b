using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class SqlUploadsConfigValidator : AbstractValidator<SqlUploadsConfig>
{
    public SqlUploadsConfigValidator()
    {
        RuleFor(uploads => uploads.MaxBytes).IsPositive();
        RuleFor(uploads => uploads.MaxTotalBytes).IsPositive();
    }
}
