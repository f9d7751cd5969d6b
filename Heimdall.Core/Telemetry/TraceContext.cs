using System.Diagnostics;

namespace Heimdall.Core.Telemetry;

/// <summary>
/// The place in a trace at which a job was submitted, in the form of the W3C's <c>traceparent</c>. It is stored with
/// the job, so that the worker's part of the trace has the caller's as its parent.
/// </summary>
public static class TraceContext
{
    private static readonly string NoTrace = default(ActivityTraceId).ToHexString();
    private static readonly string NoSpan = default(ActivitySpanId).ToHexString();

    /// <returns>
    /// The current request's, if this process traces. A request that is not recorded has the flag 00, so that the
    /// worker does not record its job either. Otherwise the one that the caller has sent, if there is one.
    /// </returns>
    public static string? OfRequest() => Activity.Current switch
    {
        { IdFormat: ActivityIdFormat.W3C } request when HeimdallTelemetry.Activities.HasListeners() =>
            request.Id,
        { Parent: null, ParentId: { } sent } => Normalize(sent), // no activity of this process
        _ => null,
    };

    /// <summary>The same once more, of nothing but the characters that its grammar allows.</summary>
    /// <returns>Null for what is not one.</returns>
    public static string? Normalize(string? traceparent) => Parse(traceparent) is { } context
        ? $"00-{context.TraceId.ToHexString()}-{context.SpanId.ToHexString()}-"
            + (context.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? "01" : "00")
        : null;

    /// <returns>Null for what is not one.</returns>
    public static ActivityContext? Parse(string? traceparent) =>
        ActivityContext.TryParse(traceparent, traceState: null, isRemote: true, out var context)
        && context.TraceId.ToHexString() != NoTrace && context.SpanId.ToHexString() != NoSpan
            ? context
            : null;
}
