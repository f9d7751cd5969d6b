namespace Heimdall.Core.Plugins;

/// <summary>A job's context cannot be run as it stands. Nothing has been recorded or run.</summary>
public sealed class JobRefusedException : Exception
{
    /// <param name="problems">What is wrong. Of many the first are kept.</param>
    /// <param name="leftOut">How many more there are.</param>
    public JobRefusedException(IReadOnlyList<ContextProblem> problems, int leftOut = 0)
        : base(string.Join(
            " ",
            problems.Take(ContextProblem.MostNamed).Select(problem => $"{problem.Path}: {problem.Message}")))
    {
        Problems = [.. problems.Take(ContextProblem.MostNamed)];
        LeftOut = leftOut + problems.Count - Problems.Count;
    }

    public JobRefusedException(string path, string message)
        : this([new ContextProblem(path, message)])
    {
    }

    public IReadOnlyList<ContextProblem> Problems { get; }

    /// <summary>How many more there are.</summary>
    public int LeftOut { get; }

    /// <summary>Whether the paths lead into the context; else they are fields of the job.</summary>
    public bool IsWithinContext { get; init; } = true;
}
