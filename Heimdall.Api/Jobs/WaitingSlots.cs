using System.Threading.RateLimiting;

namespace Heimdall.Api.Jobs;

/// <summary>
/// How many things may go on at once for each name. As many may wait as may go on; those that have waited longest come
/// first.
/// </summary>
internal sealed class WaitingSlots(Func<string, int> limitOf) : IDisposable
{
    /// <summary>How long a request may wait for another one to end.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    private readonly PartitionedRateLimiter<string> _slots = PartitionedRateLimiter.Create<string, (string Name, int Limit)>(
        // Another limit is another count: what goes on under the old one is not counted any more.
        name => RateLimitPartition.GetConcurrencyLimiter((name, limitOf(name)), key => new ConcurrencyLimiterOptions
        {
            PermitLimit = key.Item2,
            QueueLimit = key.Item2,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        }));

    public void Dispose() => _slots.Dispose();

    /// <returns>Null where there is no slot until the wait ends.</returns>
    public async Task<IDisposable?> TryTakeAsync(string name, CancellationToken wait)
    {
        try
        {
            var lease = await _slots.AcquireAsync(name, permitCount: 1, wait);
            if (lease.IsAcquired)
            {
                return lease;
            }
            lease.Dispose();
            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
