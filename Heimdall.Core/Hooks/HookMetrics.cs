using System.Diagnostics.Metrics;

namespace Heimdall.Core.Hooks;

/// <summary>What a process measures of the messages that it delivers, by hook: the file has few.</summary>
public sealed class HookMetrics(Meter meter)
{
    private const string Hook = "heimdall.hook";
    private const string Outcome = "heimdall.hook.outcome";

    private readonly Counter<long> _attempts = meter.CreateCounter<long>(
        "heimdall.hook.attempts", "{attempt}", "Attempts to deliver messages to hooks.");

    private readonly Counter<long> _dead = meter.CreateCounter<long>(
        "heimdall.hook.dead", "{message}", "Messages to hooks that were given up.");

    private readonly Histogram<double> _delay = meter.CreateHistogram(
        "heimdall.hook.delay",
        "s",
        "Time from what happened to when a hook had been notified.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300, 1800, 7200, 86400],
        });

    /// <summary>An attempt has ended.</summary>
    internal void Tried(string hook, bool isDelivered) => _attempts.Add(
        1, new KeyValuePair<string, object?>(Hook, hook),
        new KeyValuePair<string, object?>(Outcome, isDelivered ? "delivered" : "failed"));

    /// <summary>A message was delivered.</summary>
    internal void Delivered(string hook, TimeSpan delay) =>
        _delay.Record(Math.Max(0, delay.TotalSeconds), new KeyValuePair<string, object?>(Hook, hook));

    /// <summary>A message was given up.</summary>
    internal void Died(string hook) => _dead.Add(1, new KeyValuePair<string, object?>(Hook, hook));
}
