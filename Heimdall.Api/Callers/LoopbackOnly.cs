using System.Net;
using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Callers;

/// <summary>
/// Without <c>auth:</c> whoever reaches the API may do everything, so it serves its own machine only. The name in the
/// request is checked too: a web page in a local browser could otherwise reach it through a name of its own
/// (DNS rebinding).
/// So are the marks of a proxy, behind which the whole world comes from a loopback address.
/// </summary>
internal static class LoopbackOnly
{
    private const string Why =
        "No 'auth:' is configured, so this server only serves its own machine, at a loopback address and without "
        + "a proxy. Configure API keys or a header to open it.";

    private static readonly string[] _signsOfProxies =
        ["Forwarded", "Via", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"];

    public static void UseLoopbackOnly(this WebApplication app, AuthConfig auth)
    {
        if (auth.IsConfigured)
        {
            return;
        }
        app.Use(async (context, next) =>
        {
            if (IsLoopback(context.Connection.RemoteIpAddress) && IsLoopback(context.Connection.LocalIpAddress)
                && IsLoopbackName(context.Request.Host.Host) && !IsForwarded(context.Request.Headers))
            {
                await next(context);
                return;
            }
            await Problem.Of(StatusCodes.Status403Forbidden, "loopback-only", "Not from here.", Why).ExecuteAsync(context);
        });
    }

    private static bool IsLoopback(IPAddress? address) => address is not null && IPAddress.IsLoopback(address);

    private static bool IsForwarded(IHeaderDictionary headers) => headers.Keys.Any(name =>
        _signsOfProxies.Contains(name, StringComparer.OrdinalIgnoreCase)
        || name.StartsWith("X-Forwarded", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("X-Original-", StringComparison.OrdinalIgnoreCase));

    private static bool IsLoopbackName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
