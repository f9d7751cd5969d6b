using System.Net;
using System.Net.Sockets;

namespace Heimdall.Tests.Hooks;

/// <summary>Takes connections, and serves each until its client has gone or the test is over.</summary>
internal sealed class SocketServer : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<NetworkStream, CancellationToken, Task> _serveAsync;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public SocketServer(IPAddress address, Func<NetworkStream, CancellationToken, Task> serveAsync)
    {
        _serveAsync = serveAsync;
        _listener = new TcpListener(address, 0);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            _ = ServeAsync(client);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var owned = client;
        try
        {
            await using var stream = client.GetStream();
            await _serveAsync(stream, _stop.Token);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // its client has gone, or the test is over
        }
    }
}
