using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>Stands between a client and its server and treats the start-up options of a session as poolers do: PgBouncer refuses or ignores them.</summary>
internal sealed class PoolerDouble : IAsyncDisposable
{
    private const int SslRequest = 80877103;
    private const int GssRequest = 80877104;

    private readonly ProxyListener _listener;
    private readonly NpgsqlConnectionStringBuilder _server;
    private readonly bool _refuses;
    private int _refused;

    /// <param name="connectionString">Of the server.</param>
    /// <param name="refuses">True: whoever sends options is turned away. False: they are left out.</param>
    public PoolerDouble(string connectionString, bool refuses)
    {
        (_server, _refuses) = (new NpgsqlConnectionStringBuilder(connectionString), refuses);
        _listener = new ProxyListener(socket => ServeAsync(new TcpClient { Client = socket }));
    }

    /// <summary>How many sessions were turned away.</summary>
    public int Refused => Volatile.Read(ref _refused);

    /// <summary>The same database, through it.</summary>
    public string ConnectionString => new NpgsqlConnectionStringBuilder(_server.ConnectionString)
    {
        Host = "127.0.0.1",
        Port = _listener.Port,
    }.ConnectionString;

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var (version, parameters) = await ReadStartUpAsync(stream);
                if (_refuses && parameters.ContainsKey("options"))
                {
                    Interlocked.Increment(ref _refused);
                    await stream.WriteAsync(Message('E', "SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0"));
                    return;
                }
                parameters.Remove("options");
                using var server = new TcpClient(_server.Host!, _server.Port);
                await server.GetStream().WriteAsync(StartUp(version, parameters));
                await Task.WhenAny(stream.CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(stream));
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // One of them is gone.
            }
        }
    }

    // https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-STARTUPMESSAGE
    private static async Task<(int Version, Dictionary<string, string> Parameters)> ReadStartUpAsync(Stream stream)
    {
        while (true)
        {
            var head = new byte[8];
            await stream.ReadExactlyAsync(head);
            var code = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(4));
            if (code is SslRequest or GssRequest)
            {
                await stream.WriteAsync("N"u8.ToArray());
                continue;
            }
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head) - head.Length];
            await stream.ReadExactlyAsync(body);
            var words = Encoding.UTF8.GetString(body).TrimEnd('\0').Split('\0');
            return (code, words.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]));
        }
    }

    private static byte[] StartUp(int version, Dictionary<string, string> parameters)
    {
        var body = Encoding.UTF8.GetBytes(string.Concat(parameters.Select(parameter => $"{parameter.Key}\0{parameter.Value}\0")) + "\0");
        var message = new byte[8 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(message, message.Length);
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(4), version);
        body.CopyTo(message, 8);
        return message;
    }

    private static byte[] Message(char type, string text)
    {
        var body = Encoding.UTF8.GetBytes(text);
        var message = new byte[5 + body.Length];
        message[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), message.Length - 1);
        body.CopyTo(message, 5);
        return message;
    }
}
