using Heimdall.Tests.Support;

namespace Heimdall.Tests.Schedules;

/// <summary>The clock of a store that a test sets, and of the processes around it.</summary>
internal sealed class StoreTestClock(TestDatabase database, DateTime start) : TimeProvider
{
    private readonly ManualClock _process = new(start);

    public DateTime Now
    {
        get => _process.Now;
        set
        {
            _process.Now = value;
            Execute("update heimdall.test_clock set at = $1", value);
        }
    }

    /// <summary>How far it goes each time that the store looks at it.</summary>
    public TimeSpan Step
    {
        set => Execute("update heimdall.test_clock set step = $1", value);
    }

    public override long TimestampFrequency => _process.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => _process.GetUtcNow();

    public override long GetTimestamp() => _process.GetTimestamp();

    private void Execute(string sql, object value) =>
        database.ExecuteAsync(sql, CancellationToken.None, value).GetAwaiter().GetResult();
}
