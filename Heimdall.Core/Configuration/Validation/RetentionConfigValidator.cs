using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class RetentionConfigValidator : AbstractValidator<RetentionConfig>
{
    public RetentionConfigValidator()
    {
        RuleFor(retention => retention.Succeeded).IsRetention();
        RuleFor(retention => retention.Failed).IsRetention();
        RuleFor(retention => retention.Canceled).IsRetention();
        RuleFor(retention => retention.Killed).IsRetention();
        RuleFor(retention => retention.ScheduleRuns).IsRetention();
    }
}

internal sealed class CommandRetentionConfigValidator : AbstractValidator<CommandRetentionConfig>
{
    public CommandRetentionConfigValidator()
    {
        RuleFor(retention => retention.Succeeded).IsRetention();
        RuleFor(retention => retention.Failed).IsRetention();
        RuleFor(retention => retention.Canceled).IsRetention();
        RuleFor(retention => retention.Killed).IsRetention();
    }
}
