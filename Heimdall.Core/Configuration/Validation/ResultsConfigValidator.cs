using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class ResultsConfigValidator : AbstractValidator<ResultsConfig>
{
    /// <summary>A hundred years: what lies before it must still be a date.</summary>
    private static readonly TimeSpan _maxRetention = TimeSpan.FromDays(36_500);

    public ResultsConfigValidator()
    {
        RuleFor(results => results.Retention).IsPositive().Must(retention => retention <= _maxRetention).WithMessage("must not be longer than 36500d");
        RuleFor(results => results.MaxBytes).IsPositive();
    }
}
