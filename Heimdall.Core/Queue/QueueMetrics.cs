using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Heimdall.Core.Queue;

/// <summary>What a worker measures of its claims.</summary>
public sealed class QueueMetrics(Meter meter)
{
    private static readonly KeyValuePair<string, object?> Found = new("heimdall.claim.result", "jobs");
    private static readonly KeyValuePair<string, object?> Empty = new("heimdall.claim.result", "none");

    private readonly Histogram<double> _claim = meter.CreateHistogram(
        "heimdall.queue.claim.duration",
        "s",
        "Time of one statement that claims jobs.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
        });

    private readonly Counter<long> _claimed = meter.CreateCounter<long>(
        "heimdall.queue.claimed", "{job}", "Jobs that this worker has taken out of the queue.");

    /// <summary>Of a counter that is first seen at 1, Prometheus does not know that it has grown.</summary>
    public void BeginAtZero() => _claimed.Add(0);

    /// <param name="started">Of <see cref="Stopwatch"/>.</param>
    /// <param name="jobs">How many it took.</param>
    public void Claimed(long started, int jobs)
    {
        if (_claim.Enabled)
        {
            _claim.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, jobs > 0 ? Found : Empty);
        }
        if (jobs > 0)
        {
            _claimed.Add(jobs);
        }
    }
}
