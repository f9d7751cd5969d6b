namespace Heimdall.Core.Plugins;

/// <summary>A job's context cannot be run as it stands. Nothing has been recorded or run.</summary>
public sealed class JobRefusedException(IReadOnlyList<ContextProblem> problems)
    : Exception(string.Join(" ", problems.Select(problem => $"{problem.Path}: {problem.Message}")))
{
    public JobRefusedException(string path, string message)
        : this([new ContextProblem(path, message)])
    {
    }

    public IReadOnlyList<ContextProblem> Problems { get; } = problems;
}
