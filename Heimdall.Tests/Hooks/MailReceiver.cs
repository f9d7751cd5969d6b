using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Heimdall.Tests.Hooks;

/// <summary>
/// A mail server that takes mails, and refuses the first few if it is told to. It knows no <c>gone@</c>. It offers no
/// STARTTLS; with a certificate all is TLS from the start.
/// </summary>
internal sealed class MailReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<ReceivedMail> _mails = new();
    private readonly SocketServer _server;
    private readonly SslStreamCertificateContext? _certificate;
    private int _refusals;

    public MailReceiver(SslStreamCertificateContext? certificate = null)
    {
        _certificate = certificate;
        _server = new SocketServer(IPAddress.Loopback, ServeAsync);
    }

    public int Port => _server.Port;

    public ReceivedMail[] Mails => [.. _mails];

    /// <summary>So many mails are answered with 451.</summary>
    public void Refuse(int mails) => _refusals = mails;

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(NetworkStream plain, CancellationToken stop)
    {
        await using Stream stream = _certificate is null ? plain : await SecureAsync(plain, _certificate, stop);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false))
        {
            NewLine = "\r\n",
            AutoFlush = true,
        };
        await TalkAsync(reader, writer, stop);
    }

    private static async Task<SslStream> SecureAsync(
        NetworkStream plain, SslStreamCertificateContext certificate, CancellationToken stop)
    {
        var secured = new SslStream(plain);
        await secured.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificateContext = certificate }, stop);
        return secured;
    }

    private async Task TalkAsync(StreamReader reader, StreamWriter writer, CancellationToken stop)
    {
        var (from, to) = ("", new List<string>());
        await writer.WriteLineAsync("220 tests");
        while (await reader.ReadLineAsync(stop) is { } line)
        {
            switch (line.Split(' ', ':')[0].ToUpperInvariant())
            {
                case "EHLO":
                    await writer.WriteLineAsync("250-tests\r\n250 8BITMIME");
                    break;
                case "MAIL":
                    from = line;
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "RCPT" when line.Contains("<gone@", StringComparison.Ordinal):
                    await writer.WriteLineAsync("550 no such user");
                    break;
                case "RCPT":
                    to.Add(line);
                    await writer.WriteLineAsync("250 ok");
                    break;
                case "DATA":
                    await writer.WriteLineAsync("354 go on");
                    var text = new StringBuilder();
                    while (await reader.ReadLineAsync(stop) is { } part && part != ".")
                    {
                        text.AppendLine(part);
                    }
                    var isRefused = Interlocked.Decrement(ref _refusals) >= 0;
                    if (!isRefused)
                    {
                        _mails.Enqueue(new ReceivedMail(from, to, text.ToString()));
                    }
                    await writer.WriteLineAsync(isRefused ? "451 come again" : "250 taken");
                    break;
                case "QUIT":
                    await writer.WriteLineAsync("221 bye");
                    return;
                default:
                    await writer.WriteLineAsync("502 what?");
                    break;
            }
        }
    }
}

/// <summary>A mail as it came, with its envelope.</summary>
internal sealed record ReceivedMail(string From, IReadOnlyList<string> To, string Text);
