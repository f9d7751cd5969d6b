using System.Diagnostics.Metrics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;

namespace Heimdall.Tests.Support;

/// <summary>Measures of tests that build a store's classes by themselves, and at which nobody looks.</summary>
internal static class Measures
{
    private static readonly Meter Meter = new("unobserved");

    public static JobMetrics Jobs { get; } = new(Meter, new MetricsConfig());
}
