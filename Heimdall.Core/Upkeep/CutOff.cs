using Npgsql;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// For how long a sweep has got no connection. Whatever else fails, as a statement that takes too long, would fail in
/// another process too.
/// </summary>
/// <param name="Since">When it got none for the first time.</param>
/// <param name="Until">When it got none the last time.</param>
/// <param name="Reason">Why that was.</param>
internal sealed record CutOff(TimeSpan Since, TimeSpan Until, string Reason)
{
    /// <summary>So many leases after its last failure one is forgotten.</summary>
    private const int LeasesKept = 2;

    /// <summary>So many leases may a sweep be without a connection.</summary>
    private const int LeasesBorne = 3;

    /// <summary>A sweep waits for a connection for seconds, and may be due once in ten.</summary>
    private static readonly TimeSpan LeastKept = TimeSpan.FromSeconds(20);

    private static readonly string[] NoConnection =
        ["The connection pool has been exhausted", "Failed to connect", "No suitable host was found"];

    private static readonly TimeSpan LeastBorne = TimeSpan.FromSeconds(10);

    /// <summary>What is so once a sweep has failed.</summary>
    /// <param name="earlier">What was so before it.</param>
    /// <param name="failure">How it failed.</param>
    /// <param name="now">By any clock that only goes on.</param>
    /// <param name="lease">Of this process.</param>
    public static CutOff? After(CutOff? earlier, Exception failure, TimeSpan now, TimeSpan lease)
    {
        if (!IsOfConnecting(failure))
        {
            return null;
        }
        var isKept = earlier is not null && now - earlier.Until <= Longest(LeasesKept * lease, LeastKept);
        return new CutOff(isKept ? earlier!.Since : now, now, failure.Message);
    }

    /// <summary>Whether another process should do the upkeep.</summary>
    public bool IsTooLong(TimeSpan lease) => Until - Since > Longest(LeasesBorne * lease, LeastBorne);

    /// <summary>Npgsql has no other sign of it than what it says.</summary>
    private static bool IsOfConnecting(Exception failure) => failure switch
    {
        PostgresException refusal =>
            refusal.SqlState is PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.CannotConnectNow,
        NpgsqlException { InnerException: AggregateException } => true, // of several hosts, none of which would do
        NpgsqlException => NoConnection.Any(
            words => failure.Message.StartsWith(words, StringComparison.Ordinal)),
        _ => false,
    };

    private static TimeSpan Longest(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
