using System.Text;
using Heimdall.Core.Telemetry;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// The comment by which a server's log and pg_stat_activity show the trace of a statement, in the form of sqlcommenter
/// (https://google.github.io/sqlcommenter/spec/). It stands behind the statement: a first comment can be a hint for the
/// planner. It begins on a line of its own, because the statement may end in a comment that the line's end closes.
/// </summary>
internal static class TraceComment
{
    /// <returns>Nothing where there is no trace.</returns>
    public static byte[] Of(string? traceparent) => TraceContext.Normalize(traceparent) is { } safe
        ? Encoding.ASCII.GetBytes($"\n/*traceparent='{safe}'*/")
        : [];
}
