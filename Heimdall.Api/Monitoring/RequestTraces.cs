using OpenTelemetry.Trace;

namespace Heimdall.Api.Monitoring;

/// <summary>The API's part of traces: its requests.</summary>
internal static class RequestTraces
{
    /// <summary>What probes ask some times in each minute is no trace.</summary>
    private static readonly string[] Probes = ["/healthz", "/readyz"];

    public static void Add(TracerProviderBuilder traces) => traces.AddAspNetCoreInstrumentation(options =>
        options.Filter = context => !Probes.Contains(context.Request.Path.Value, StringComparer.Ordinal));
}
