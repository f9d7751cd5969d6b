using System.Net;
using System.Net.Sockets;

namespace Heimdall.Tests.Support;

/// <summary>Ports that nobody listens on: below those that outgoing connections get, and not those of scripts/postgres.sh.</summary>
internal static class FreePort
{
    private const int First = 15_000;
    private const int Count = 9_000;

    private static int _last = Random.Shared.Next(Count);

    /// <summary>Each call finds another one, so that fixtures side by side do not find the same.</summary>
    public static int Find()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _last) % Count);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's; the next one.
            }
        }
    }
}
