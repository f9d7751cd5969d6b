using System.Net;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;

namespace Heimdall.Api.Health;

/// <summary><c>Heimdall.Api --health</c>: asks the API that listens at <c>server.listen</c> on this machine.</summary>
internal static class ApiHealthQuestion
{
    public static async Task<HealthAnswer> AskAsync(HeimdallConfig config, CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        // Its own listener is sent nothing that matters, and its certificate is for the name that clients use.
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        using var client = new HttpClient(handler);
        var address = AddressOf(config.Server.Listen);
        try
        {
            using var reply = await client.GetAsync(new Uri(address, "/readyz"), cancellationToken);
            var text = await reply.Content.ReadAsStringAsync(cancellationToken);
            return reply.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable
                ? new HealthAnswer(reply.IsSuccessStatusCode, text.Trim())
                : new HealthAnswer(false, $"{address} answers {(int)reply.StatusCode}: it is not Heimdall's API");
        }
        catch (HttpRequestException exception)
        {
            return new HealthAnswer(false, $"no API answers at {address}: {exception.Message}");
        }
    }

    /// <summary>An address that listens at every interface is asked at the loopback one.</summary>
    private static Uri AddressOf(string listen)
    {
        var address = new UriBuilder(listen);
        if (IPAddress.TryParse(address.Host, out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
        {
            address.Host = ip.Equals(IPAddress.Any) ? "127.0.0.1" : "[::1]";
        }
        return address.Uri;
    }
}
