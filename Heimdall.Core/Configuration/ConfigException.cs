namespace Heimdall.Core.Configuration;

/// <summary>The configuration cannot be used. Carries every problem found, in the order of the file.</summary>
public sealed class ConfigException(IReadOnlyList<ConfigProblem> problems)
    : Exception(string.Join(Environment.NewLine, problems))
{
    public IReadOnlyList<ConfigProblem> Problems { get; } = problems;
}
