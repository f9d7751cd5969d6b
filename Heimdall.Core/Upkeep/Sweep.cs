namespace Heimdall.Core.Upkeep;

/// <summary>Something that one process does for all of them, again and again.</summary>
/// <param name="Name">What it is called in the log and the metrics.</param>
/// <param name="Interval">How often it is done at most.</param>
/// <param name="RunAsync">
/// Does it, in small steps. It may be stopped between two of them, and begun again by others.
/// </param>
internal sealed record Sweep(string Name, TimeSpan Interval, Func<CancellationToken, Task> RunAsync)
{
    /// <summary>
    /// A condition in SQL, in which $1 is the lease: there is something to do. Without one it is done in each interval.
    /// The conditions of all sweeps are one statement.
    /// </summary>
    public string? Condition { get; init; }
}
