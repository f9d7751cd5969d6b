using System.Net.Sockets;
using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Heimdall.Worker.Health;

/// <summary>
/// The Unix socket at <c>worker.health_socket</c>. Each connection gets <c>ready</c> or why not, in one line, and is
/// closed. A second line says where the clock of the process is wrong. Only the worker's own user and root can connect.
/// </summary>
internal sealed partial class HealthListener(HeimdallConfig config, StoreHealth store, ILogger<HealthListener> logger)
    : BackgroundService
{
    private const int Backlog = 8;

    private readonly string _path = config.Worker.HealthSocket!;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <exception cref="HostStartException">The socket cannot be made.</exception>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RemoveLeftOverAsync(cancellationToken);
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(_path));
            _listener.Listen(Backlog);
        }
        catch (SocketException exception)
        {
            throw new HostStartException($"worker.health_socket {_path} cannot be made: {exception.Message}");
        }
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        File.Delete(_path);
    }

    public override void Dispose()
    {
        _listener.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            using var connection = await _listener.AcceptAsync(stoppingToken);
            await AnswerAsync(connection, stoppingToken);
        }
    }

    /// <summary>One after the other: a look at the store is bounded, and a socket's buffer holds the line.</summary>
    private async Task AnswerAsync(Socket connection, CancellationToken cancellationToken)
    {
        var report = await store.ReportAsync(cancellationToken);
        try
        {
            await connection.SendAsync(Encoding.UTF8.GetBytes($"{report.Text}\n"), cancellationToken);
        }
        catch (SocketException exception)
        {
            LogNotAnswered(exception.Message);
        }
    }

    /// <summary>A worker that was killed leaves its socket behind.</summary>
    private async Task RemoveLeftOverAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(_path))
        {
            return;
        }
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await other.ConnectAsync(new UnixDomainSocketEndPoint(_path), cancellationToken);
        }
        catch (SocketException) when (new FileInfo(_path).Length == 0)
        {
            File.Delete(_path);
            return;
        }
        catch (SocketException)
        {
            throw new HostStartException($"worker.health_socket {_path} is a file with content: name another path.");
        }
        throw new HostStartException(
            $"another process listens at worker.health_socket {_path}: "
            + "each worker of a machine needs a path of its own.");
    }

    [LoggerMessage(LogLevel.Warning, "Somebody asked for the worker's health and left before the answer: {Reason}")]
    private partial void LogNotAnswered(string reason);
}
