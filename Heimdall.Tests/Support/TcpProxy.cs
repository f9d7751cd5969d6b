using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>A way to a PostgreSQL server that can be cut, or blocked without either end noticing.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly string _host;
    private readonly int _port;
    private Way _way = new();
    private TcpListener _listener = new(IPAddress.Loopback, 0);
    private Task _accepting;

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

    /// <summary>Lets nothing through any more, on open connections and on new ones, which are accepted all the same: a peer that has vanished.</summary>
    public void Freeze() => _way.Block();

    /// <summary>Lets everything through that has waited.</summary>
    public void Thaw() => _way.Open();

    /// <summary>The same as <see cref="Freeze"/> for ever, but only for the connections that are open.</summary>
    public void Strand()
    {
        _way.Block();
        _way = new Way();
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
        var way = _way;
        _sockets[client] = true;
        _sockets[server] = true;
        try
        {
            await way.PassAsync();
            await server.ConnectAsync(_host, _port);
            await Task.WhenAny(CopyAsync(client, server, way), CopyAsync(server, client, way));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
        _sockets.TryRemove(client, out _);
        _sockets.TryRemove(server, out _);
        client.Dispose();
    }

    private static async Task CopyAsync(Socket from, Socket to, Way way)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                await way.PassAsync();
                await to.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    /// <summary>What the connections of one time go through.</summary>
    private sealed class Way
    {
        private volatile TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Way() => Open();

        public Task PassAsync() => _open.Task;

        public void Open() => _open.TrySetResult();

        public void Block() => _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
