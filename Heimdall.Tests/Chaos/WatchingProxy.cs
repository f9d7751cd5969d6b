using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using Heimdall.Tests.Support;
using Npgsql;

namespace Heimdall.Tests.Chaos;

/// <summary>A way to a PostgreSQL server on which somebody waits in ambush for a message.</summary>
internal sealed class WatchingProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly ProxyListener _listener;
    private readonly string _host;
    private readonly int _port;
    private Ambush? _ambush;

    public WatchingProxy(string connectionString)
    {
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        (_host, _port) = (server.Host!, server.Port);
        _listener = new ProxyListener(ServeAsync);
    }

    public string Port => _listener.Port.ToString(CultureInfo.InvariantCulture);

    /// <summary>Acts once, when a message passes. The message waits for it, and is dropped with its connection if the answer is no.</summary>
    /// <param name="step">What the message is about; null for whatever comes.</param>
    /// <param name="moment">Where it is.</param>
    /// <param name="skip">How many to let pass before.</param>
    /// <param name="act">What to do. True: the message goes on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task AmbushAsync(TransactionStep? step, MessageMoment moment, int skip, Func<Task<bool>> act, CancellationToken cancellationToken)
    {
        var ambush = new Ambush(step, moment, skip, act);
        Volatile.Write(ref _ambush, ambush);
        await using var giveUp = cancellationToken.Register(() => ambush.Done.TrySetCanceled(cancellationToken));
        await ambush.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _sockets[client] = true;
        _sockets[server] = true;
        try
        {
            await server.ConnectAsync(_host, _port);
            await Task.WhenAny(
                CopyAsync(client, server, new WireReader(isFromClient: true), MessageMoment.BeforeRequest, MessageMoment.AfterRequest),
                CopyAsync(server, client, new WireReader(isFromClient: false), MessageMoment.BeforeAnswer, MessageMoment.AfterAnswer));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side is gone, and so the other.
        }
        _sockets.TryRemove(client, out _);
        _sockets.TryRemove(server, out _);
        client.Dispose();
    }

    private async Task CopyAsync(Socket from, Socket to, WireReader reader, MessageMoment before, MessageMoment after)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                var step = reader.Read(buffer.AsSpan(0, count));
                if (!await PassAsync(step, before))
                {
                    return;
                }
                await to.SendAsync(buffer.AsMemory(0, count));
                if (!await PassAsync(step, after))
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side is gone, and so the other.
        }
    }

    private async Task<bool> PassAsync(TransactionStep step, MessageMoment moment)
    {
        if (Volatile.Read(ref _ambush) is not { } ambush || !ambush.IsFor(step, moment) || Interlocked.CompareExchange(ref _ambush, null, ambush) != ambush)
        {
            return true;
        }
        try
        {
            var goesOn = await ambush.Act();
            ambush.Done.TrySetResult();
            return goesOn;
        }
        catch (Exception e)
        {
            ambush.Done.TrySetException(e);
            return false;
        }
    }

    private sealed class Ambush(TransactionStep? step, MessageMoment moment, int skip, Func<Task<bool>> act)
    {
        private int _skip = skip;

        public Func<Task<bool>> Act { get; } = act;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsFor(TransactionStep found, MessageMoment where) =>
            where == moment && (step is null || step == found) && Interlocked.Decrement(ref _skip) < 0;
    }
}
