using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>A way to a PostgreSQL server that can be cut.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly string _host;
    private readonly int _port;
    private TcpListener _listener = new(IPAddress.Loopback, 0);
    private Task _accepting;
    private volatile TaskCompletionSource? _frozen;

    public TcpProxy(string connectionString)
    {
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        (_host, _port) = (server.Host!, server.Port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync(_listener);
    }

    public int Port { get; }

    /// <summary>The same database, through this proxy.</summary>
    public string Through(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = Port }.ConnectionString;

    /// <summary>Lets nothing pass, in either direction, as a network does that has lost its way: nobody is told.</summary>
    public void Freeze() => _frozen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets pass what has waited, and all that comes.</summary>
    public void Thaw()
    {
        var frozen = _frozen;
        _frozen = null;
        frozen?.SetResult();
    }

    /// <summary>Ends all connections and refuses new ones.</summary>
    public async Task CutAsync()
    {
        _listener.Dispose();
        await _accepting;
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    public void Mend()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _accepting = AcceptAsync(_listener);
    }

    public async ValueTask DisposeAsync() => await CutAsync();

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptSocketAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _sockets[client] = true;
        _sockets[server] = true;
        try
        {
            await server.ConnectAsync(_host, _port);
            await Task.WhenAny(CopyAsync(client, server), CopyAsync(server, client));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
        _sockets.TryRemove(client, out _);
        _sockets.TryRemove(server, out _);
        client.Dispose();
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                while (_frozen is { } frozen)
                {
                    await frozen.Task;
                }
                await to.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }
}
