using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>The runs of one contender in one row. One that failed has no figures: a wrong run must not look like a fast one.</summary>
internal sealed class Series(IContender contender)
{
    private readonly List<TimedRun> _runs = [];

    public IContender Contender { get; } = contender;

    /// <summary>Why there are no figures; null while all is well.</summary>
    public string? Failure { get; private set; }

    public Timings? Seconds => Failure is null ? Timings.Of(_runs.Select(run => run.Seconds)) : null;

    public Timings? HttpSeconds => Failure is null ? Timings.Of(_runs.Select(run => run.HttpSeconds).OfType<double>()) : null;

    public long? PeakBytes => Failure is null ? _runs.Max(run => run.PeakBytes) : null;

    public void Add(TimedRun run) => _runs.Add(run);

    public void Fail(string reason) => Failure = reason;
}
