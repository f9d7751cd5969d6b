using System.Net;
using System.Net.Sockets;

namespace Heimdall.Tests.Support;

/// <summary>Serves each connection to a port of this machine, until it is disposed.</summary>
internal sealed class ProxyListener : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Task _accepting;

    /// <param name="serveAsync">Serves one connection to its end, and closes it. It throws nothing.</param>
    /// <param name="port">Where; 0 for any that is free.</param>
    public ProxyListener(Func<Socket, Task> serveAsync, int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync(serveAsync);
    }

    public int Port { get; }

    /// <summary>Refuses new connections. The open ones stay.</summary>
    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync(Func<Socket, Task> serveAsync)
    {
        try
        {
            while (true)
            {
                _ = serveAsync(await _listener.AcceptSocketAsync());
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException)
        {
            // Disposed: in a wait for a connection, or between two waits.
        }
    }
}
