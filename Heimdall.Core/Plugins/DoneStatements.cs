namespace Heimdall.Core.Plugins;

/// <summary>Says in words what of a script is known to be done.</summary>
public static class DoneStatements
{
    /// <param name="first">The first statement that was to be run.</param>
    /// <param name="next">The first that is not known to be done.</param>
    public static string Tell(long first, long next) => (next - first) switch
    {
        <= 0 => "none of its statements is known to be done",
        1 => $"statement {first} is known to be done and stays done",
        _ => $"statements {first} to {next - 1} are known to be done and stay done",
    };
}
