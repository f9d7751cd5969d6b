using System.Net.Sockets;
using Heimdall.Plugins.Postgres.Protocol;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// Ends a session whose server has vanished while something was on its way to it. The operating system's own probes
/// begin only when all is acknowledged that was sent; until then it sends the same again for a quarter of an hour.
/// A busy server that reads nothing still acknowledges, and is waited for.
/// </summary>
internal sealed class AcknowledgementWatch : IDisposable
{
    private const int LinuxTcp = 6;
    private const int LinuxTcpInfo = 11;

    // In struct tcp_info: how often the same was sent in vain, or the window asked for; and the milliseconds since the
    // last acknowledgement.
    private const int Retransmits = 2;
    private const int Probes = 3;
    private const int LastAcknowledged = 56;

    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly ProtocolSession _protocol;
    private readonly TimeSpan _silence;
    private readonly Timer _timer;
    private bool _wasSilent;

    private AcknowledgementWatch(ProtocolSession protocol, TimeSpan silence)
    {
        (_protocol, _silence) = (protocol, silence);
        _timer = new Timer(watch => ((AcknowledgementWatch)watch!).Look(), this, _interval, _interval);
    }

    /// <returns>Null where nothing is to be watched, or nothing can.</returns>
    public static AcknowledgementWatch? Start(ProtocolSession protocol, TimeSpan? silence) =>
        silence is { } time && OperatingSystem.IsLinux() && protocol.Socket.AddressFamily != AddressFamily.Unix
            ? new AcknowledgementWatch(protocol, time)
            : null;

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        Span<byte> info = stackalloc byte[LastAcknowledged + sizeof(uint)];
        try
        {
            _protocol.Socket.GetRawSocketOption(LinuxTcp, LinuxTcpInfo, info);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return;
        }

        // An answer may be a moment away when it is looked for once.
        var isSilent = (info[Retransmits] | info[Probes]) != 0
            && BitConverter.ToUInt32(info[LastAcknowledged..]) >= _silence.TotalMilliseconds;
        if (isSilent && _wasSilent)
        {
            _protocol.Break(new IOException("The server acknowledges nothing of what was sent to it."));
            _protocol.Abort();
        }

        _wasSilent = isSilent;
    }
}
