using System.Globalization;

namespace Heimdall.Api.Jobs;

/// <summary>The <c>Prefer</c> header (RFC 7240): <c>respond-async</c> and <c>wait=N</c>; others are ignored, as the RFC asks.</summary>
internal sealed record Preferences(bool RespondAsync, TimeSpan? Wait)
{
    /// <summary>Whether a job that has not ended within <see cref="Wait"/> is cancelled: <c>on_wait_timeout</c> of the body says so.</summary>
    public bool CancelsAfterWait { get; init; }

    /// <summary>A longer wait is cut to this; proxies give up around here.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    public static Preferences Read(HttpRequest request)
    {
        var asked = request.Headers["Prefer"].SelectMany(value => (value ?? "").Split(',')).Select(item => item.Split(';')[0].Trim()).ToArray();
        var wait = asked
            .Where(item => item.StartsWith("wait=", StringComparison.OrdinalIgnoreCase))
            .Select(item => item[5..].Trim('"', ' '))
            .FirstOrDefault();
        return new Preferences(
            asked.Contains("respond-async", StringComparer.OrdinalIgnoreCase),
            int.TryParse(wait, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                ? TimeSpan.FromSeconds(Math.Min(seconds, MaxWait.TotalSeconds))
                : null);
    }
}
