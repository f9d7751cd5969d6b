namespace Heimdall.Core.Plugins;

/// <summary>Says in words what of a script is known to be done.</summary>
public static class DoneStatements
{
    private const string None = "none of its statements is known to be done";

    /// <param name="first">The first statement that was to be run.</param>
    /// <param name="next">The first that is not known to be done or to have failed.</param>
    /// <param name="errors">Of the statements that failed; perhaps only of the first of many.</param>
    public static string Tell(long first, long next, IReadOnlyList<StatementError>? errors)
    {
        var failed = (errors ?? [])
            .Where(error => error.Statement >= first && error.Statement < next)
            .Select(error => error.Statement)
            .Distinct()
            .Count();
        return (Math.Max(0, next - first), failed) switch
        {
            (0, _) => None,
            (1, 0) => $"statement {first} is known to be done and stays done",
            (_, 0) => $"statements {first} to {next - 1} are known to be done and stay done",
            var (count, _) when failed == count => None,
            _ => $"of statements {first} to {next - 1} those that did not fail are known to be done and stay done",
        };
    }
}
