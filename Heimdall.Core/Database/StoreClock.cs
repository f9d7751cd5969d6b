using System.Diagnostics.Metrics;

namespace Heimdall.Core.Database;

/// <summary>
/// The clock of the store's server, as this process knows it from its last look. It decides nothing that is in the
/// store: there the statement itself asks for the time. Until the first look it is the clock of the process.
/// </summary>
public sealed class StoreClock : TimeProvider, IDisposable
{
    /// <summary>A process whose clock differs by more says so.</summary>
    public static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _process;
    private readonly Meter _meter;
    private volatile Look? _last;

    public StoreClock(TimeProvider process)
    {
        _process = process;
        _meter = new Meter(new MeterOptions("Heimdall") { Scope = this });
        _meter.CreateObservableGauge(
            "heimdall.clock.skew", () => Skew.TotalSeconds, "s",
            "How far the clock of this process is ahead of the store's; negative where it is behind.");
    }

    public override long TimestampFrequency => _process.TimestampFrequency;

    public DateTime Now => GetUtcNow().UtcDateTime;

    /// <summary>What the store's clock shows at least: the answer of the last look has taken some time to come.</summary>
    public DateTime Earliest => Now - (_last?.Uncertainty ?? TimeSpan.Zero);

    /// <summary>How far the clock of this process is ahead of the store's.</summary>
    public TimeSpan Skew => _last is { } last ? _process.GetUtcNow() - TimeAfter(last) : TimeSpan.Zero;

    /// <returns>What is wrong with the clock of this process; null when it agrees with the store's.</returns>
    public string? FindProblem()
    {
        if (_last is not { } last)
        {
            return null;
        }
        var (skew, side) = (Skew.Duration(), Skew > TimeSpan.Zero ? "ahead of" : "behind");
        return skew - last.Uncertainty <= MostSkew
            ? null
            : FormattableString.Invariant($"the clock of this process is {skew.TotalSeconds:0.0} s {side} the store's");
    }

    public override DateTimeOffset GetUtcNow() => _last is { } last ? TimeAfter(last) : _process.GetUtcNow();

    public override long GetTimestamp() => _process.GetTimestamp();

    public void Dispose() => _meter.Dispose();

    /// <summary>Takes what the store's clock has shown.</summary>
    /// <param name="asked">When it was asked, as <see cref="GetTimestamp"/> counts.</param>
    /// <param name="shown">What it has shown.</param>
    internal void Set(long asked, DateTime shown)
    {
        var answered = GetTimestamp();
        var uncertainty = GetElapsedTime(asked, answered) / 2;
        _last = new Look(answered, new DateTimeOffset(shown) + uncertainty, uncertainty);
    }

    private DateTimeOffset TimeAfter(Look look) => look.Time + GetElapsedTime(look.At);

    /// <param name="At">When, as <see cref="GetTimestamp"/> counts: that runs on where a clock is set.</param>
    /// <param name="Time">What the store's clock shows then.</param>
    /// <param name="Uncertainty">The answer has taken some time to come.</param>
    private sealed record Look(long At, DateTimeOffset Time, TimeSpan Uncertainty);
}
