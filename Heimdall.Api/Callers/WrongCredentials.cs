using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace Heimdall.Api.Callers;

/// <summary>
/// How many wrong credentials an address may send. Right ones are not counted and always pass. It keeps a bounded
/// number of addresses: above it, the one that has been kept longest is forgotten.
/// </summary>
internal sealed class WrongCredentials : IDisposable
{
    public const int MostPerWindow = 20;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private const int MostAddresses = 10_000;

    /// <summary>One customer's network; within it they take any address.</summary>
    private const int NetworkBytes = 8;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, FixedWindowRateLimiter> _limiters = [];
    private readonly Queue<IPAddress> _oldest = [];

    /// <summary>How many addresses are kept.</summary>
    public int Kept
    {
        get
        {
            lock (_lock)
            {
                return _limiters.Count;
            }
        }
    }

    /// <summary>Counts wrong credentials.</summary>
    /// <returns>Null; or, when there have been too many, how long to wait.</returns>
    public TimeSpan? Count(IPAddress? address)
    {
        lock (_lock)
        {
            using var lease = LimiterOf(ToNetwork(address ?? IPAddress.None)).AttemptAcquire();
            return lease.IsAcquired ? null
                : lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait
                : Window;
        }
    }

    /// <summary>Whether there have been as many as may be. It does not count.</summary>
    public bool HasSentMost(IPAddress? address)
    {
        lock (_lock)
        {
            return _limiters.TryGetValue(ToNetwork(address ?? IPAddress.None), out var limiter)
                && limiter.GetStatistics() is { CurrentAvailablePermits: 0 };
        }
    }

    public void Dispose()
    {
        foreach (var limiter in _limiters.Values)
        {
            limiter.Dispose();
        }
    }

    private FixedWindowRateLimiter LimiterOf(IPAddress network)
    {
        if (_limiters.TryGetValue(network, out var known))
        {
            return known;
        }
        if (_limiters.Count == MostAddresses && _limiters.Remove(_oldest.Dequeue(), out var forgotten))
        {
            forgotten.Dispose();
        }
        _oldest.Enqueue(network);
        return _limiters[network] = new FixedWindowRateLimiter(new FixedWindowRateLimiterOptions
        {
            PermitLimit = MostPerWindow,
            Window = Window,
            QueueLimit = 0,
        });
    }

    private static IPAddress ToNetwork(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return new IPAddress(bytes);
    }
}
