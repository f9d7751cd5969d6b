using System.Text.Json;
using FluentValidation;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Configuration.Loading;

/// <summary>A command or a cluster that a caller sends: read and checked as one of the configuration file is.</summary>
public static class SentDefinition
{
    /// <param name="body">JSON with the keys of the file, of which all text is readable.</param>
    /// <param name="complete">Adds what is not in the body, such as the id.</param>
    /// <param name="validator">That of the file.</param>
    /// <returns>What was read, and what is wrong with it, in sentences.</returns>
    public static (T Definition, IReadOnlyList<ContextProblem> Problems) Read<T>(
        JsonElement body, Func<T, T> complete, IValidator<T> validator)
        where T : class, new()
    {
        var problems = new ConfigProblemList("");
        var definition = complete(new ConfigBinder(problems).Bind<T>(JsonTree.Of(body)));
        problems.AddFailures(validator.Validate(definition));
        return (
            definition,
            [
                .. problems.InOrder().Select(problem => new ContextProblem(problem.Path, ToSentence(problem.Message))),
                .. FindNul(body, "").Select(path => new ContextProblem(path, "Must not hold the character NUL.")),
            ]);
    }

    private static string ToSentence(string message) =>
        $"{char.ToUpperInvariant(message[0])}{message[1..].TrimEnd('.')}.";

    private static IEnumerable<string> FindNul(JsonElement element, string path) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString()!.Contains('\0') ? [path] : [],
        JsonValueKind.Array => element.EnumerateArray().SelectMany((item, index) => FindNul(item, $"{path}[{index}]")),
        JsonValueKind.Object => element.EnumerateObject()
            .SelectMany(member => FindNul(member.Value, ConfigPath.Join(path, member.Name))),
        _ => [],
    };
}
