namespace Heimdall.Tests.Schedules;

/// <summary>A clock that a test sets.</summary>
internal sealed class ManualClock(DateTime start) : TimeProvider
{
    private long _ticks = start.Ticks;

    public DateTime Now
    {
        get => new(Interlocked.Read(ref _ticks), DateTimeKind.Utc);
        set => Interlocked.Exchange(ref _ticks, value.Ticks);
    }

    /// <summary>How far it goes each time that somebody looks at it.</summary>
    public TimeSpan Step { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(new DateTime(Interlocked.Add(ref _ticks, Step.Ticks), DateTimeKind.Utc));

    public override long GetTimestamp() => Now.Ticks;
}
