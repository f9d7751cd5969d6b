namespace Heimdall.Tests.Support;

/// <summary>The clock of a process that is ahead of that of this machine, or behind it.</summary>
internal sealed class SkewedClock(TimeSpan skew) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + skew;
}
