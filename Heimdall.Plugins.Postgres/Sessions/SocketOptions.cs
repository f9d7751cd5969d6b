using System.Buffers.Binary;
using System.Net.Sockets;
using Heimdall.Core.ConnectionStrings;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// Has the operating system look after a silent server: without that, one that has vanished (a pulled cable, a
/// firewall) is waited for until the job's deadline, or for ever.
/// </summary>
internal static class SocketOptions
{
    private const int IdleSeconds = 4;
    private const int IntervalSeconds = 1;
    private const int Probes = 8;

    private const int LinuxTcp = 6;
    private const int LinuxTcpUserTimeout = 18;

    public static void Set(Socket socket, ConnectionSettings settings)
    {
        if (socket.AddressFamily == AddressFamily.Unix)
        {
            return; // its other end is on this machine
        }

        var npgsql = settings.Npgsql;
        if (IsLookedAfter(npgsql))
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            Set(socket, SocketOptionName.TcpKeepAliveTime, npgsql.TcpKeepAliveTime, IdleSeconds);
            Set(socket, SocketOptionName.TcpKeepAliveInterval, npgsql.TcpKeepAliveInterval, IntervalSeconds);
            Set(socket, SocketOptionName.TcpKeepAliveRetryCount, settings.KeepAliveCount ?? Probes, Probes);
        }

        // As in libpq, it is ignored where there is no such thing.
        if (settings.TcpUserTimeout is { } timeout && OperatingSystem.IsLinux())
        {
            Span<byte> milliseconds = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(milliseconds, (int)timeout.TotalMilliseconds);
            socket.SetRawSocketOption(LinuxTcp, LinuxTcpUserTimeout, milliseconds);
        }
    }

    /// <summary>How long a server may be silent before it is given up; null for as long as it likes.</summary>
    public static TimeSpan? SilenceOf(ConnectionSettings settings) => IsLookedAfter(settings.Npgsql)
        ? TimeSpan.FromSeconds(
            OrElse(settings.Npgsql.TcpKeepAliveTime, IdleSeconds)
            + ((settings.KeepAliveCount ?? Probes) * OrElse(settings.Npgsql.TcpKeepAliveInterval, IntervalSeconds)))
        : null;

    private static bool IsLookedAfter(NpgsqlConnectionStringBuilder npgsql) => npgsql.TcpKeepAlive
        || !npgsql.Keys.Cast<string>().Contains("TCP Keepalive", StringComparer.OrdinalIgnoreCase);

    private static int OrElse(int seconds, int otherwise) => seconds > 0 ? seconds : otherwise;

    private static void Set(Socket socket, SocketOptionName name, int seconds, int otherwise) =>
        socket.SetSocketOption(SocketOptionLevel.Tcp, name, OrElse(seconds, otherwise));
}
