using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>A way to a PostgreSQL server that can be cut, or blocked without either end noticing.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private const int LinuxSocketLevel = 1;
    private const int LinuxAttachFilter = 26;

    private static readonly byte[] FilterInstruction = [6, 0, 0, 0, 0, 0, 0, 0];

    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private volatile NpgsqlConnectionStringBuilder _server;
    private Way _way = new();
    private ProxyListener _listener;

    public TcpProxy(string connectionString)
    {
        _server = new NpgsqlConnectionStringBuilder(connectionString);
        _listener = new ProxyListener(ServeAsync);
        Port = _listener.Port;
    }

    public int Port { get; }

    /// <summary>The same database, through this proxy.</summary>
    public string Through(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = Port }.ConnectionString;

    /// <summary>Ends all connections and refuses new ones.</summary>
    public async Task CutAsync()
    {
        await _listener.DisposeAsync();
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    /// <summary>Lets nothing through any more, on open connections and on new ones, which are accepted all the same: a peer that has vanished.</summary>
    public void Freeze() => _way.Block();

    /// <summary>Done when something is held back that a client has sent since <see cref="Freeze"/>.</summary>
    public Task HeldBack => _way.HeldBack;

    /// <summary>Lets everything through that has waited.</summary>
    public void Thaw() => _way.Open();

    /// <summary>The same as <see cref="Freeze"/> for ever, but only for the connections that are open.</summary>
    public void Strand()
    {
        _way.Block();
        _way = new Way();
    }

    /// <summary>
    /// Has the connections that are open acknowledge nothing any more that comes from the client, as if this machine
    /// were gone. On Linux only.
    /// </summary>
    public void Vanish()
    {
        // One instruction that lets through no byte of a packet: return 0. Its memory is needed until the call returns.
        var filter = Marshal.AllocHGlobal(FilterInstruction.Length);
        try
        {
            Marshal.Copy(FilterInstruction, 0, filter, FilterInstruction.Length);
            Span<byte> program = stackalloc byte[2 * sizeof(long)];
            program[0] = 1;
            BinaryPrimitives.WriteInt64LittleEndian(program[sizeof(long)..], filter);
            foreach (var socket in _sockets.Keys.Where(socket => ((IPEndPoint)socket.LocalEndPoint!).Port == Port))
            {
                socket.SetRawSocketOption(LinuxSocketLevel, LinuxAttachFilter, program);
            }
        }
        finally
        {
            Marshal.FreeHGlobal(filter);
        }
    }

    /// <summary>Leads new connections to another server, as a load balancer does; open ones stay where they are.</summary>
    public void Turn(string connectionString) => _server = new NpgsqlConnectionStringBuilder(connectionString);

    public void Mend() => _listener = new ProxyListener(ServeAsync, Port);

    public async ValueTask DisposeAsync() => await CutAsync();

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var way = _way;
        _sockets[client] = true;
        _sockets[server] = true;
        try
        {
            await way.PassAsync();
            await server.ConnectAsync(_server.Host!, _server.Port);
            await Task.WhenAny(
                CopyAsync(client, server, way.PassFromClientAsync), CopyAsync(server, client, way.PassAsync));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
        _sockets.TryRemove(client, out _);
        _sockets.TryRemove(server, out _);
        client.Dispose();
    }

    private static async Task CopyAsync(Socket from, Socket to, Func<Task> passAsync)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                await passAsync();
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

        private volatile TaskCompletionSource _heldBack = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Way() => Open();

        public Task HeldBack => _heldBack.Task;

        public Task PassAsync() => _open.Task;

        public Task PassFromClientAsync()
        {
            var passed = PassAsync();
            if (!passed.IsCompleted)
            {
                _heldBack.TrySetResult();
            }

            return passed;
        }

        public void Open() => _open.TrySetResult();

        public void Block()
        {
            _heldBack = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
