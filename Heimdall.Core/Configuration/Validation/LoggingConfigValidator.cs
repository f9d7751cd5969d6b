using System.Text.Json.Nodes;
using FluentValidation;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class LoggingConfigValidator : AbstractValidator<LoggingConfig>
{
    private static readonly string Words =
        string.Join(", ", Enum.GetNames<LogLevel>().Select(name => name.ToLowerInvariant()));

    public LoggingConfigValidator()
    {
        RuleFor(logging => logging.Format).Must(format => format is LoggingConfig.Text or LoggingConfig.Json)
            .WithMessage($"must be {LoggingConfig.Text} or {LoggingConfig.Json}");
        RuleFor(logging => logging.Levels).Custom((levels, context) =>
        {
            foreach (var (category, value) in levels)
            {
                if (FindProblem(category, value) is { } problem)
                {
                    context.AddFailure(ConfigPath.Join("levels", category), problem);
                }
            }
        });
    }

    /// <returns>Null for what is not a level.</returns>
    internal static LogLevel? Read(JsonNode? value) =>
        value is JsonValue text && text.TryGetValue(out string? word)
            && Enum.TryParse(word, ignoreCase: true, out LogLevel level) && Enum.IsDefined(level)
            && char.IsAsciiLetter(word[0])
            ? level
            : null;

    private static string? FindProblem(string category, JsonNode? value) => Read(value) switch
    {
        null => $"must be one of {Words}",
        < LogLevel.Warning when IsNpgsql(category) =>
            "must not be below warning: at lower levels Npgsql writes SQL, and no log holds that",
        _ => null,
    };

    /// <summary>A filter is for all categories that begin with its own.</summary>
    private static bool IsNpgsql(string category) => category.StartsWith("Npgsql", StringComparison.OrdinalIgnoreCase);
}
