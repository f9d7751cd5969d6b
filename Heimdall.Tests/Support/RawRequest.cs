using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Heimdall.Tests.Support;

/// <summary>Requests byte by byte: clients of good manners tidy paths up, and finish what they have begun.</summary>
internal static class RawRequest
{
    public static async Task<TcpClient> BeginAsync(Uri address, string text, CancellationToken cancellationToken)
    {
        var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, cancellationToken);
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);
        return client;
    }

    /// <summary>Sends a request for a target as it stands, and reads the reply whole.</summary>
    public static async Task<(int Status, string Text)> SendAsync(
        Uri address, string method, string target, string body, CancellationToken cancellationToken,
            params string[] headers)
    {
        var more = string.Concat(headers.Select(header => header + "\r\n"));
        var length = Encoding.UTF8.GetByteCount(body);
        using var client = await BeginAsync(
            address,
            $"{method} {target} HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: close\r\n{more}"
                + $"Content-Length: {length}\r\n\r\n{body}",
            cancellationToken);
        using var reader = new StreamReader(client.GetStream());
        var reply = await reader.ReadToEndAsync(cancellationToken);
        return (int.Parse(reply.Split(' ')[1], CultureInfo.InvariantCulture), reply);
    }
}
