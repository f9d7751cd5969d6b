using FluentValidation;
using Heimdall.Core.Configuration.Yaml;

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
        RuleFor(retention => retention.HookDeliveries).IsRetention();
        RuleFor(retention => retention.Audit).Cascade(CascadeMode.Stop).IsRetention()
            .Must(time => time == Duration.Forever || time >= TimeSpan.FromDays(1))
            .WithMessage("must be at least 1d: the database deletes no younger records");
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
