using System.Net.Sockets;
using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;

namespace Heimdall.Worker.Health;

/// <summary><c>Heimdall.Worker --health</c>: asks the worker that listens at <c>worker.health_socket</c>.</summary>
internal static class WorkerHealthQuestion
{
    private const int LongestAnswer = 1024;

    public static async Task<HealthAnswer> AskAsync(HeimdallConfig config, CancellationToken cancellationToken)
    {
        if (config.Worker.HealthSocket is not { } path)
        {
            return new HealthAnswer(false, "worker.health_socket is not configured, such as /tmp/heimdall-worker.sock");
        }
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            var text = await ReadAsync(socket, cancellationToken);
            return text.Length == 0
                ? new HealthAnswer(false, $"the worker at {path} has ended before it answered")
                : new HealthAnswer(text.Split('\n')[0] == "ready", text);
        }
        catch (SocketException exception)
        {
            return new HealthAnswer(false, $"no worker answers at {path}: {exception.Message}");
        }
    }

    private static async Task<string> ReadAsync(Socket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[LongestAnswer];
        var (length, read) = (0, -1);
        while (length < buffer.Length && read != 0)
        {
            read = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
            length += read;
        }
        return Encoding.UTF8.GetString(buffer, 0, length).TrimEnd();
    }
}
