namespace Heimdall.Core.Jobs;

/// <summary>What a process calls itself in the rows of the jobs it runs.</summary>
internal static class RunnerName
{
    /// <summary>Host name and process id.</summary>
    public static string OfThisProcess { get; } = $"{Environment.MachineName}:{Environment.ProcessId}";
}
