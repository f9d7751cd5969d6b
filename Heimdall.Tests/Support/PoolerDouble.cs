using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>
/// Stands between a client and its server, and treats the beginning of a session as one of the poolers does. Each of
/// its sessions keeps its backend.
/// </summary>
/// <param name="SqlState">Whoever sends start-up options is turned away with it; null where they are left out.</param>
/// <param name="PassesName">Whether the client's application_name reaches the server.</param>
/// <param name="PidOf">The process id that the client is given, of the backend's and the number of the session.</param>
internal sealed record PoolerKind(string? SqlState, bool PassesName, Func<int, int, int> PidOf)
{
    /// <summary>Refuses what it does not know.</summary>
    public static PoolerKind PgBouncer { get; } = new("08P01", PassesName: true, (pid, _) => pid ^ 0x40000000);

    /// <summary>The same, where it has been told to ignore options.</summary>
    public static PoolerKind Ignoring { get; } = PgBouncer with { SqlState = null };

    /// <summary>That of Amazon's RDS, as its documentation and what its users have written describe it.</summary>
    public static PoolerKind RdsProxy { get; } = new("0A000", PassesName: false, (pid, _) => pid ^ 0x40000000);

    /// <summary>Supavisor and pgdog count their sessions; a number may be that of the backend by chance.</summary>
    public static PoolerKind Counting { get; } = new(
        null, PassesName: true, (pid, session) => session == 1 ? pid : session);
}

/// <inheritdoc cref="PoolerKind"/>
internal sealed class PoolerDouble : IAsyncDisposable
{
    private const int SslRequest = 80877103;
    private const int GssRequest = 80877104;

    private readonly ProxyListener _listener;
    private readonly NpgsqlConnectionStringBuilder _server;
    private readonly PoolerKind _kind;
    private int _refused;
    private int _sessions;

    public PoolerDouble(string connectionString, PoolerKind kind)
    {
        (_server, _kind) = (new NpgsqlConnectionStringBuilder(connectionString), kind);
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
                if (_kind.SqlState is { } state && parameters.ContainsKey("options"))
                {
                    Interlocked.Increment(ref _refused);
                    await stream.WriteAsync(
                        Message('E', $"SFATAL\0VFATAL\0C{state}\0Mstart-up options are not taken\0\0"));
                    return;
                }

                parameters.Remove("options");
                if (!_kind.PassesName)
                {
                    parameters.Remove("application_name");
                }

                using var server = new TcpClient(_server.Host!, _server.Port);
                var backend = server.GetStream();
                await backend.WriteAsync(StartUp(version, parameters));
                var sending = stream.CopyToAsync(backend);
                await GreetAsync(backend, stream, Interlocked.Increment(ref _sessions));
                await Task.WhenAny(sending, backend.CopyToAsync(stream));
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // One of them is gone.
            }
        }
    }

    /// <summary>Passes on what the server says up to its readiness, but for the process id.</summary>
    private async Task GreetAsync(Stream server, Stream client, int session)
    {
        byte type;
        do
        {
            var head = new byte[5];
            await server.ReadExactlyAsync(head);
            type = head[0];
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1)) - 4];
            await server.ReadExactlyAsync(body);
            if (type == 'K')
            {
                var pid = BinaryPrimitives.ReadInt32BigEndian(body);
                BinaryPrimitives.WriteInt32BigEndian(body, _kind.PidOf(pid, session));
            }

            await client.WriteAsync((byte[])[.. head, .. body]);
        }
        while (type != 'Z');
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
