using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class ResultsConfigValidator : AbstractValidator<ResultsConfig>
{
    public ResultsConfigValidator()
    {
        RuleFor(results => results.Retention).IsPositive()
            .Must(retention => retention <= ConfigRules.LongestRetention).WithMessage("must not be longer than 36500d");
        RuleFor(results => results.MaxBytes).IsPositive();
        RuleFor(results => results.Directory).Custom(CheckDirectory).When(results => results.Enabled && results.Directory is not null);
    }

    /// <summary>Tried out, and nothing of that stays: a directory that is missing is made when the first result goes there.</summary>
    private static void CheckDirectory(string? directory, ValidationContext<ResultsConfig> context)
    {
        if (string.IsNullOrWhiteSpace(directory) || directory.Contains('\0'))
        {
            context.AddFailure("must be a directory; leave it out to keep results in the database");
            return;
        }
        var existing = directory;
        while (!Path.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)!; // the root exists
        }
        if (!Directory.Exists(existing))
        {
            context.AddFailure($"must be a directory or something that can become one: {existing} is a file");
            return;
        }
        try
        {
            using var probe = new FileStream(Path.Combine(existing, $".heimdall-{Guid.NewGuid():N}.probe"), new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Options = FileOptions.DeleteOnClose,
            });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            context.AddFailure($"must be a directory that can be written: {existing} cannot");
        }
    }
}
