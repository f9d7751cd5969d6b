using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>
/// A way to a PostgreSQL server on which that says, as a connection begins, that it is of another version.
/// </summary>
internal sealed class VersionProxy : IAsyncDisposable
{
    private const int RequestLength = 8;
    private const int TlsRequest = 80877103;
    private const int GssRequest = 80877104;

    private readonly NpgsqlConnectionStringBuilder _server;
    private readonly string _version;
    private readonly ProxyListener _listener;

    /// <param name="connectionString">Of the server.</param>
    /// <param name="version">As <c>server_version</c> has it.</param>
    public VersionProxy(string connectionString, string version)
    {
        (_server, _version) = (new NpgsqlConnectionStringBuilder(connectionString), version);
        _listener = new ProxyListener(socket => ServeAsync(new TcpClient { Client = socket }));
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Host = "127.0.0.1",
            Port = _listener.Port,
        }.ConnectionString;
    }

    /// <summary>The same database, through this proxy.</summary>
    public string ConnectionString { get; }

    /// <summary>Takes no more connections. The open ones last as long as their ends.</summary>
    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(TcpClient accepted)
    {
        using var client = accepted;
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(_server.Host!, _server.Port);
            var (ours, theirs) = (client.GetStream(), server.GetStream());
            await theirs.WriteAsync(await ReadRequestAsync(ours));
            await Task.WhenAny(ours.CopyToAsync(theirs), AnswerAsync(theirs, ours));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // One of the two has gone.
        }
    }

    /// <summary>The beginning of the first message that is for the server: it is not asked for encryption.</summary>
    private static async Task<byte[]> ReadRequestAsync(NetworkStream client)
    {
        var request = new byte[RequestLength];
        while (true)
        {
            await client.ReadExactlyAsync(request);
            if (BinaryPrimitives.ReadInt32BigEndian(request.AsSpan(4)) is not (TlsRequest or GssRequest))
            {
                return request;
            }

            await client.WriteAsync("N"u8.ToArray());
        }
    }

    private async Task AnswerAsync(NetworkStream server, NetworkStream client)
    {
        var head = new byte[5];
        do
        {
            await server.ReadExactlyAsync(head);
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1)) - 4];
            await server.ReadExactlyAsync(body);
            if (head[0] == (byte)'S' && body.AsSpan().StartsWith("server_version\0"u8))
            {
                body = Encoding.ASCII.GetBytes($"server_version\0{_version}\0");
                BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), body.Length + 4);
            }

            await client.WriteAsync((byte[])[.. head, .. body]);
        }
        while (head[0] != (byte)'Z');

        await server.CopyToAsync(client);
    }
}
