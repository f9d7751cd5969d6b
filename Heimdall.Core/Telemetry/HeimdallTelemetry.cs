using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Heimdall.Core.Telemetry;

/// <summary>The name under which others find what Heimdall measures and traces.</summary>
public static class HeimdallTelemetry
{
    /// <summary>Of the meter and of the source of activities.</summary>
    public const string Name = "Heimdall";

    /// <summary>One of the process: without a listener, starting an activity costs a comparison.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>The meter of a host. All that asks gets the same one.</summary>
    public static Meter CreateHeimdallMeter(this IMeterFactory factory) => factory.Create(Name);
}
