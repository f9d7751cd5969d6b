using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>A way to a PostgreSQL server that keeps what clients send.</summary>
internal sealed class RecordingProxy : IAsyncDisposable
{
    private readonly NpgsqlConnectionStringBuilder _server;
    private readonly ProxyListener _listener;
    private readonly ConcurrentQueue<string> _writes = [];

    public RecordingProxy(string connectionString)
    {
        _server = new NpgsqlConnectionStringBuilder(connectionString);
        _listener = new ProxyListener(socket => ServeAsync(new TcpClient { Client = socket }));
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Host = "127.0.0.1",
            Port = _listener.Port,
        }.ConnectionString;
    }

    /// <summary>The same database, through this proxy.</summary>
    public string ConnectionString { get; }

    /// <summary>What came at one time, as Latin-1, in order.</summary>
    public IReadOnlyCollection<string> Writes => _writes;

    public void Clear() => _writes.Clear();

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(TcpClient accepted)
    {
        using var client = accepted;
        using var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        try
        {
            await server.ConnectAsync(_server.Host!, _server.Port);
            var (ours, theirs) = (client.GetStream(), server.GetStream());
            await Task.WhenAny(RecordAsync(ours, theirs), theirs.CopyToAsync(ours));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // One of the two has gone.
        }
    }

    private async Task RecordAsync(NetworkStream client, NetworkStream server)
    {
        var buffer = new byte[64 * 1024];
        while (await client.ReadAsync(buffer) is > 0 and var count)
        {
            _writes.Enqueue(Encoding.Latin1.GetString(buffer, 0, count));
            await server.WriteAsync(buffer.AsMemory(0, count));
        }
    }
}
