using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Heimdall.Core.Upkeep;

/// <summary>What a process measures of the upkeep that it does for all.</summary>
internal sealed class UpkeepMetrics
{
    private const string OfSweep = "heimdall.sweep";
    private const string OfTable = "heimdall.table";

    private readonly Histogram<double> _durations;
    private readonly Counter<long> _deleted;
    private int _leads;

    public UpkeepMetrics(Meter meter)
    {
        _durations = meter.CreateHistogram(
            "heimdall.keeper.sweep.duration", "s", "Time of one sweep of the keeper.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
            });
        _deleted = meter.CreateCounter<long>(
            "heimdall.keeper.deleted", "{row}", "What the keeper has deleted because its time was over.");
        meter.CreateObservableGauge(
            "heimdall.keeper.leader", () => Volatile.Read(ref _leads), unit: null,
            "1 while this process does the upkeep for all, else 0.");
    }

    public void Leads(bool leads) => Volatile.Write(ref _leads, leads ? 1 : 0);

    /// <param name="sweep">Its name.</param>
    /// <param name="duration">How long it took.</param>
    /// <param name="failure">Why it has failed; null when it has not.</param>
    public void Swept(string sweep, TimeSpan duration, Exception? failure)
    {
        var tags = new TagList { { OfSweep, sweep } };
        if (failure is not null)
        {
            tags.Add("error.type", failure.GetType().FullName);
        }
        _durations.Record(duration.TotalSeconds, tags);
    }

    /// <param name="table">Where rows were deleted.</param>
    /// <param name="count">
    /// How many; also 0. Of a counter that is first seen at 1, Prometheus does not know that it has grown.
    /// </param>
    public void Deleted(string table, long count) =>
        _deleted.Add(count, new KeyValuePair<string, object?>(OfTable, table));
}
