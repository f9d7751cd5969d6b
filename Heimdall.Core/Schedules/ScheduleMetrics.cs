using System.Diagnostics.Metrics;

namespace Heimdall.Core.Schedules;

/// <summary>
/// What a process measures of the runs that it decides. Not by schedule: callers can make any number of them.
/// </summary>
public sealed class ScheduleMetrics(Meter meter)
{
    private const string Outcome = "heimdall.schedule.outcome";

    private static readonly KeyValuePair<string, object?> Fired = new(Outcome, "fired");
    private static readonly KeyValuePair<string, object?> Waiting = new(Outcome, "waiting");
    private static readonly KeyValuePair<string, object?> Skipped = new(Outcome, "skipped");
    private static readonly KeyValuePair<string, object?> Refused = new(Outcome, "refused");

    private readonly Counter<long> _runs = meter.CreateCounter<long>(
        "heimdall.schedule.runs", "{run}", "Runs of schedules that were decided.");

    private readonly Histogram<double> _lateness = meter.CreateHistogram(
        "heimdall.schedule.lateness",
        "s",
        "Time from when a run was planned to when its job was made.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200],
        });

    /// <summary>A run is decided, and that is committed.</summary>
    public void Decided(ScheduleRun run)
    {
        _runs.Add(1, TagOf(run.Outcome));
        if (run is { Outcome: RunOutcome.Fired, TriggeredBy: null })
        {
            _lateness.Record(Math.Max(0, (run.DecidedAt - run.PlannedAt).TotalSeconds));
        }
    }

    private static KeyValuePair<string, object?> TagOf(RunOutcome outcome) => outcome switch
    {
        RunOutcome.Fired => Fired,
        RunOutcome.Waiting => Waiting,
        RunOutcome.Skipped => Skipped,
        _ => Refused,
    };
}
