using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Suites;

/// <summary>The report's first line: under what conditions its figures came about.</summary>
internal static class SuiteHeading
{
    /// <param name="server">That was measured on.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="small">What --quick makes small.</param>
    /// <param name="takesTime">Whether keeping the processors awake did.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<string> OfAsync(PostgresServer server, SuiteOptions options, string small, bool takesTime, CancellationToken cancellationToken) =>
        $"{await server.DescribeAsync(cancellationToken)}; {Environment.ProcessorCount} processors, rounds: {options.RoundCount}"
        + (options.Quick ? $"; {small}, which measure nothing" : "")
        + (takesTime ? "; sched_autogroup_enabled is 1, so what keeps the processors awake takes time from what is measured" : "");
}
