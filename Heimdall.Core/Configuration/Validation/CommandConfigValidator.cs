using FluentValidation;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Checks one command, whether it comes from the file or from a caller.</summary>
public sealed class CommandConfigValidator : AbstractValidator<CommandConfig>
{
    /// <summary>With the back-off between them about an hour and a half: who wants more wants a schedule.</summary>
    private const int MostAttempts = 100;

    public CommandConfigValidator(PluginCatalog plugins)
    {
        RuleFor(command => command.Id).IsId();
        RuleFor(command => command.Name).IsRequired().IsAtMost(ConfigRules.MaxNameLength);
        RuleFor(command => command.Status).IsStatus();
        RuleFor(command => command.Plugin)
            .Cascade(CascadeMode.Stop)
            .IsRequired()
            .Must(name => plugins.Find(name) is not null).WithMessage($"is not a known plugin; known: {string.Join(", ", plugins.Names)}");
        RuleFor(command => command.Version).IsRequired().IsAtMost(ConfigRules.MaxVersionLength);
        RuleFor(command => command.Description).IsAtMost(ConfigRules.MaxDescriptionLength);
        RuleForEach(command => command.Tags).IsOwnTag();
        RuleFor(command => command.ClusterTags).Must(tags => tags.Length > 0).WithMessage("is required: without tags the command would run on every cluster");
        RuleForEach(command => command.ClusterTags).IsTag();
        RuleForEach(command => command.AllowedCallers).IsCallerPattern();
        RuleForEach(command => command.Approvers).IsCallerPattern();
        RuleFor(command => command.Approval)
            .Must(word => word is CommandConfig.ApprovalRequired or CommandConfig.ApprovalNone)
            .WithMessage("must be required or none");
        RuleFor(command => command.ApprovalExpires)
            .Must(time => time >= TimeSpan.FromMinutes(1) && time <= TimeSpan.FromDays(365))
            .WithMessage("must be from a minute to 365 days");
        RuleFor(command => command.MaxAttempts).Must(count => count is >= 1 and <= MostAttempts).WithMessage($"must be 1 to {MostAttempts}");
        RuleFor(command => command.MaxConcurrency).IsLimit();
        RuleFor(command => command.MaxPriority).Must(priority => priority is null || JobPriority.IsValid(priority.Value))
            .WithMessage($"must be {JobPriority.Lowest} to {JobPriority.Highest}");
        RuleFor(command => command.Retention).SetValidator(new CommandRetentionConfigValidator());
        RuleFor(command => command).Custom((command, context) =>
        {
            foreach (var problem in plugins.Find(command.Plugin)?.CheckCommand(command.Context) ?? [])
            {
                context.AddFailure(ConfigPath.Join("context", problem.Path), problem.Message);
            }
        });
    }
}
