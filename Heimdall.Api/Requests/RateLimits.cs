using System.Globalization;
using Heimdall.Api.Descriptions;

namespace Heimdall.Api.Requests;

/// <summary>
/// Reports to programs which limit a refusal has met: <c>RateLimit-Policy</c> and <c>RateLimit</c>, as
/// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/ has them. Limits that it has no unit for
/// are left out: jobs that wait are neither requests nor bytes.
/// </summary>
internal static class RateLimits
{
    public const string QueriesOfCaller = "queries-of-caller";
    public const string QueriesOnCluster = "queries-on-cluster";
    public const string PartsOfResults = "parts-of-results";
    public const string WatchedJobs = "watched-jobs";
    public const string Refusals = "wrong-credentials";

    /// <summary>
    /// Of a limit on what goes on at one time, with <c>Retry-After</c>. When a place will be free, nobody knows.
    /// </summary>
    public static void SetFull(this HttpResponse response, string policy, int quota, int retryAfter)
    {
        response.Headers.RetryAfter = Text(retryAfter);
        response.Headers[HeaderList.RateLimitPolicy] = $"\"{policy}\";q={Text(quota)};qu=\"concurrent-requests\"";
        response.Headers[HeaderList.RateLimit] = $"\"{policy}\";r=0";
    }

    /// <summary>Of a limit within a window of time, with <c>Retry-After</c>: then the next window begins.</summary>
    public static void SetUsedUp(
        this HttpResponse response, string policy, int quota, TimeSpan window, TimeSpan untilNext)
    {
        var seconds = Text((int)Math.Ceiling(untilNext.TotalSeconds));
        response.Headers.RetryAfter = seconds;
        var length = Text((int)window.TotalSeconds);
        response.Headers[HeaderList.RateLimitPolicy] = $"\"{policy}\";q={Text(quota)};w={length}";
        response.Headers[HeaderList.RateLimit] = $"\"{policy}\";r=0;t={seconds}";
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
