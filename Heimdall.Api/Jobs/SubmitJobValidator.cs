using FluentValidation;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Jobs;

/// <summary>The limits of a submission's own fields; its context is the plugin's to judge.</summary>
internal sealed class SubmitJobValidator : AbstractValidator<SubmitJobRequest>
{
    public const int MaxName = 300;
    public const int MaxVersion = 32;
    public const int MaxDescription = 2000;
    public const int MaxTags = 100;

    /// <summary>One for all requests: to build the rules takes far longer than to follow them.</summary>
    public static SubmitJobValidator OfJob { get; } = new(isWhole: true);

    /// <summary>Of a job that is only asked about: it needs no name yet, and nothing to run.</summary>
    public static SubmitJobValidator OfQuestion { get; } = new(isWhole: false);

    private SubmitJobValidator(bool isWhole)
    {
        if (isWhole)
        {
            RuleFor(request => request.Name).NotEmpty().WithMessage("Required: what this job is called.").OverridePropertyName("name");
            RuleFor(request => request.Context).NotNull().WithMessage("Required: an object with the query.").OverridePropertyName("context");
        }
        RuleFor(request => request.Name)
            .MaximumLength(MaxName).WithMessage($"At most {MaxName} characters.")
            .Must(HoldNoNul).WithMessage(NoNul).OverridePropertyName("name");
        RuleFor(request => request.Version).MaximumLength(MaxVersion).WithMessage($"At most {MaxVersion} characters.")
            .Must(HoldNoNul).WithMessage(NoNul).OverridePropertyName("version");
        RuleFor(request => request.Description).MaximumLength(MaxDescription).WithMessage($"At most {MaxDescription} characters.")
            .Must(HoldNoNul).WithMessage(NoNul).OverridePropertyName("description");
        RuleFor(request => request.Priority).Must(priority => priority is null || JobPriority.IsValid(priority.Value))
            .WithMessage($"Must be {JobPriority.Lowest} to {JobPriority.Highest}.").OverridePropertyName("priority");
        RuleFor(request => request.StartAfter).Must((request, time) => time is null || request.StartBefore is null || time < request.StartBefore)
            .WithMessage("Must be before start_before: else the job could never start.").OverridePropertyName("start_after");
        RuleFor(request => request.Target)
            .Must(target => target is null or SubmitJobRequestReader.Any or SubmitJobRequestReader.All)
            .WithMessage($"Must be \"{SubmitJobRequestReader.Any}\" or \"{SubmitJobRequestReader.All}\".")
            .OverridePropertyName("target");
        RuleForAll(request => request.MaxParallel, "max_parallel");
        RuleForAll(request => request.Canary, "canary");
        RuleForAll(request => request.StopAfterFailures, "stop_after_failures");
        RuleForTags(request => request.Tags, "tags");
        RuleForTags(request => request.CommandCriteria, "command_criteria");
        RuleForTags(request => request.ClusterCriteria, "cluster_criteria");
    }

    private const string NoNul = "Must not contain the character NUL.";

    private static bool HoldNoNul(string? text) => text is null || !text.Contains('\0');

    private void RuleForAll(System.Linq.Expressions.Expression<Func<SubmitJobRequest, int?>> field, string name) =>
        RuleFor(field)
            .Must((request, number) => number is null || request.Target == SubmitJobRequestReader.All)
            .WithMessage("Goes only with \"target\": \"all\".")
            .Must(number => number is null or > 0).WithMessage("Must be 1 or more.").OverridePropertyName(name);

    private void RuleForTags(System.Linq.Expressions.Expression<Func<SubmitJobRequest, string[]?>> field, string name)
    {
        RuleFor(field).Must(tags => tags is null || tags.Length <= MaxTags).WithMessage($"At most {MaxTags} tags.").OverridePropertyName(name);
        RuleFor(field).Must(tags => tags is null || tags.All(tag => !string.IsNullOrWhiteSpace(tag) && tag.Length <= MaxName && HoldNoNul(tag)))
            .WithMessage($"Each tag must have 1 to {MaxName} characters and not be blank.").OverridePropertyName(name);
    }
}
