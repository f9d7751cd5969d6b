using System.Net;
using System.Net.Sockets;

namespace Heimdall.Tests.Support;

/// <summary>Clients at other addresses of this machine: each of 127.0.0.0/8 is one.</summary>
internal static class LocalAddress
{
    private const int HostsPerNetwork = 250;

    /// <param name="number">Of the address: 0 is the usual one, 1 to 249 are of 127.1.0.0, then of 127.1.1.0.</param>
    public static SocketsHttpHandler Handler(int number) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(number == 0 ? IPAddress.Loopback : AddressOf(number), 0));
            await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    private static IPAddress AddressOf(int number) =>
        new([127, 1, (byte)(number / HostsPerNetwork), (byte)(1 + (number % HostsPerNetwork))]);
}
