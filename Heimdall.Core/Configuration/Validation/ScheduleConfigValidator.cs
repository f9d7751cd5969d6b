using System.Text.RegularExpressions;
using FluentValidation;
using Heimdall.Core.Cron;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Checks one schedule, whether it comes from the file or from a caller. Whether its job finds a command is not asked: that may change.</summary>
public sealed partial class ScheduleConfigValidator : AbstractValidator<ScheduleConfig>
{
    private const int MaxTags = 100;

    public static IReadOnlyList<string> Days { get; } = ["and", "or"];

    public static IReadOnlyList<string> Misfires { get; } = ["skip", "once", "all"];

    public static IReadOnlyList<string> Overlaps { get; } = ["allow", "skip", "queue", "replace"];

    public ScheduleConfigValidator()
    {
        RuleFor(schedule => schedule.Id).Must(id => id is null || Name().IsMatch(id)).WithMessage(NameExpected);
        RuleFor(schedule => schedule.Name).IsRequired().IsAtMost(ConfigRules.MaxNameLength);
        RuleFor(schedule => schedule.Name)
            .Must((schedule, name) => schedule.Id is not null || Name().IsMatch(name)).When(schedule => schedule.Name.Length > 0)
            .WithMessage($"{NameExpected}, or have an id beside it that does");
        RuleFor(schedule => schedule.Description).IsAtMost(ConfigRules.MaxDescriptionLength);
        RuleFor(schedule => schedule.Cron).Cascade(CascadeMode.Stop).IsRequired()
            .Custom((cron, context) => Add(context, FindProblem(cron, context.InstanceToValidate)));
        RuleFor(schedule => schedule.Day).Must(Days.Contains).WithMessage($"must be one of {string.Join(", ", Days)}");
        RuleFor(schedule => schedule.Timezone).Custom((zone, context) => Add(context, CronTimes.FindZoneProblem(zone)));
        RuleFor(schedule => schedule.Misfire).Must(Misfires.Contains).WithMessage($"must be one of {string.Join(", ", Misfires)}");
        RuleFor(schedule => schedule.Overlap).Must(Overlaps.Contains).WithMessage($"must be one of {string.Join(", ", Overlaps)}");
        RuleFor(schedule => schedule.MaxLateness)
            .Must(time => time is null || (time >= TimeSpan.FromSeconds(1) && time <= TimeSpan.FromDays(366))).WithMessage("must be 1s to 366d");
        RuleFor(schedule => schedule.EndsAt)
            .Must((schedule, end) => end is null || schedule.StartsAt is null || end > schedule.StartsAt).WithMessage("must be after starts_at");
        RuleFor(schedule => schedule.User).IsRequired().IsAtMost(ConfigRules.MaxNameLength);
        RuleFor(schedule => schedule.Version).IsAtMost(ConfigRules.MaxVersionLength);
        RuleFor(schedule => schedule.Tags).Must(tags => tags.Length <= MaxTags).WithMessage($"must not be more than {MaxTags}");
        RuleForEach(schedule => schedule.Tags).IsTag();
        RuleFor(schedule => schedule.CommandCriteria).Must(tags => tags.Length > 0).WithMessage(CriteriaExpected);
        RuleForEach(schedule => schedule.CommandCriteria).IsTag();
        RuleFor(schedule => schedule.ClusterCriteria).Must(tags => tags.Length > 0).WithMessage(CriteriaExpected);
        RuleForEach(schedule => schedule.ClusterCriteria).IsTag();
        RuleFor(schedule => schedule.Target).Must(Targets.Contains)
            .WithMessage($"must be one of {string.Join(", ", Targets)}");
        RuleForAll(schedule => schedule.MaxParallel);
        RuleForAll(schedule => schedule.Canary);
        RuleForAll(schedule => schedule.StopAfterFailures);
        RuleFor(schedule => schedule.Context).Must(context => context.Count > 0).WithMessage("is required: the query, and how to run it");
    }

    private static readonly string[] Targets = [ScheduleConfig.Any, ScheduleConfig.All];

    private void RuleForAll(System.Linq.Expressions.Expression<Func<ScheduleConfig, int?>> field) =>
        RuleFor(field)
            .Must(number => number is null or > 0).WithMessage("must be 1 or more")
            .Must((schedule, number) => number is null || schedule.Target == ScheduleConfig.All)
            .WithMessage("goes only with target: all");

    private const string CriteriaExpected = "is required: empty criteria would match anything";

    private const string NameExpected = "must have 1 to 100 letters, digits and . _ - only";

    private static string? FindProblem(string cron, ScheduleConfig schedule) => CronTimes.FindProblem(
        cron, schedule.Id ?? schedule.Name, schedule.Day == "or" ? DayRule.Or : DayRule.And);

    private static void Add<T>(ValidationContext<T> context, string? problem)
    {
        if (problem is not null)
        {
            context.AddFailure(problem);
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,100}\z")]
    private static partial Regex Name();
}
