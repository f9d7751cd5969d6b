using System.Net;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Requests;

/// <summary>Warns at the start of a server that other machines reach without TLS.</summary>
internal sealed partial class PlainListener(ServerConfig config, ILogger<PlainListener> logger) : IHostedService
{
    /// <returns>A line for operators; null where TLS is used, or no other machine comes.</returns>
    public static string? FindProblem(string listen) => IsPlain(listen)
        ? "server.listen is http, and not only for this machine: keys, SQL and rows cross the network in clear. "
            + "Set server.tls, or let only a proxy that ends TLS reach the port."
        : null;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (FindProblem(config.Listen) is { } problem)
        {
            LogPlain(problem);
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static bool IsPlain(string listen)
    {
        var url = new Uri(listen);
        var isLoopback = url.Host == "localhost"
            || (IPAddress.TryParse(url.Host, out var address) && IPAddress.IsLoopback(address));
        return url.Scheme == Uri.UriSchemeHttp && !isLoopback;
    }

    [LoggerMessage(LogLevel.Warning, "{Problem}")]
    private partial void LogPlain(string problem);
}
