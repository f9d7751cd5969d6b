using System.Text.RegularExpressions;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed partial class MetricsConfigValidator : AbstractValidator<MetricsConfig>
{
    /// <summary>Each class multiplies the series of the jobs' counters.</summary>
    private const int MostClasses = 20;

    public MetricsConfigValidator()
    {
        RuleFor(metrics => metrics.ApiListen).IsPlainAddress("http://127.0.0.1:9464");
        RuleFor(metrics => metrics.WorkerListen).IsPlainAddress("http://127.0.0.1:9465");
        RuleFor(metrics => metrics.WorkerListen)
            .Must((metrics, listen) => listen is null || listen != metrics.ApiListen)
            .WithMessage("must be another address than metrics.api_listen: only one process can listen there");
        RuleFor(metrics => metrics.CallerClasses).Must(classes => classes.Length <= MostClasses)
            .WithMessage($"must not have more than {MostClasses} classes");
        RuleFor(metrics => metrics.CallerClasses)
            .Must(classes => classes.DistinctBy(one => one.Name).Count() == classes.Length)
            .WithMessage("must name each class once");
        RuleForEach(metrics => metrics.CallerClasses).SetValidator(new CallerClassConfigValidator());
    }

    private sealed partial class CallerClassConfigValidator : AbstractValidator<CallerClassConfig>
    {
        public CallerClassConfigValidator()
        {
            RuleFor(one => one.Name).Cascade(CascadeMode.Stop)
                .IsRequired()
                .Must(name => ClassName().IsMatch(name)).WithMessage("must be up to 40 of a-z, 0-9, _ and -")
                .Must(name => name is not "schedule" and not "other")
                .WithMessage("must not be schedule or other: these count the jobs of schedules, and all other callers");
            RuleFor(one => one.Callers).Must(callers => callers.Length > 0)
                .WithMessage("is required: the patterns of the users that it counts");
            RuleForEach(one => one.Callers).Custom((pattern, context) =>
            {
                if (CallerPattern.FindProblem(pattern) is { } problem)
                {
                    context.AddFailure(problem);
                }
            });
        }

        [GeneratedRegex(@"\A[a-z0-9_-]{1,40}\z")]
        private static partial Regex ClassName();
    }
}
