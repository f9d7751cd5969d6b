using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Heimdall.Api.Requests;

/// <summary>
/// How much of a connection, and for how long, a client may take before anybody knows who it is. What it may leave
/// unread is <c>server.stalled_client_timeout</c>. docs/operate/scale.md lists these.
/// </summary>
internal static class ConnectionRules
{
    public static void Apply(KestrelServerLimits limits, ServerConfig config)
    {
        limits.MaxConcurrentConnections = config.MaxConnections;
        limits.MaxRequestBodySize = config.MaxBodyBytes;
        limits.MaxRequestLineSize = 8 * 1024;
        limits.MaxRequestHeaderCount = 100;
        limits.MaxRequestHeadersTotalSize = 32 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(30);
        // Longer than proxies keep theirs, so that they close first.
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        limits.Http2.MaxStreamsPerConnection = 100;
    }
}
