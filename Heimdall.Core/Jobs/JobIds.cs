using System.Buffers.Binary;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Ids of new jobs: UUIDv7, each greater than all that this process has made before. A caller's jobs are taken in the
/// order of their ids, so also those of one request run in the order in which they were sent.
/// </summary>
/// <param name="clock">The store's: a job whose process has a wrong clock is taken in its turn.</param>
public sealed class JobIds(TimeProvider clock)
{
    /// <summary>The 12 bits behind the milliseconds count the ids of one millisecond (RFC 9562, 6.2, method 1).</summary>
    private const int CounterBits = 12;

    private long _last;

    public Guid Next()
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds() << CounterBits;
        long last, next;
        do
        {
            last = Volatile.Read(ref _last);
            next = Math.Max(now, last + 1);
        }
        while (Interlocked.CompareExchange(ref _last, next, last) != last);

        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(next >> CounterBits)).TryWriteBytes(bytes, bigEndian: true, out _);
        var counter = next & ((1 << CounterBits) - 1);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], (ushort)(0x7000 | counter));
        return new Guid(bytes, bigEndian: true);
    }
}
