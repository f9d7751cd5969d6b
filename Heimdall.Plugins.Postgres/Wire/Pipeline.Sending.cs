using System.Diagnostics;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Wire;

// The sending half: chunks are filled, written, and kept until all in them is answered.
internal sealed partial class Pipeline
{
    private async ValueTask MakeRoomAsync(int length)
    {
        ThrowIfBroken();
        if (_inChunk >= MostInChunk || !_chunk.HasRoomFor(length))
        {
            await SendAsync();
        }
    }

    private async ValueTask SendAsync()
    {
        ThrowIfBroken();
        if (_chunk.IsEmpty)
        {
            return;
        }

        if (_needsSync)
        {
            _chunk.AddFlush();
        }

        var chunk = _chunk;
        chunk.SentAt = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            _chunksOut++;
        }

        EnsureReading();
        await WriteAsync(chunk.Bytes);
        _inChunk = 0;
        lock (_lock)
        {
            ReleaseLocked(chunk);
        }

        await UntilAsync(() => _chunksOut < MostChunks || HasFailed);
        lock (_lock)
        {
            _chunk = _spare.TryPop(out var spare) ? spare : new OutgoingChunk();
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await _stream.WriteAsync(bytes);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            // What the server said last, if it said anything, is worth more than that it no longer listens.
            await _reading;
            Break(e);
            ThrowIfBroken();
        }
    }

    private async ValueTask UntilAsync(Func<bool> condition)
    {
        while (true)
        {
            lock (_lock)
            {
                if (_broken is not null || condition())
                {
                    break;
                }
            }

            await _changed.WaitAsync();
        }

        ThrowIfBroken();
    }

    private void ReleaseLocked(OutgoingChunk chunk)
    {
        if (chunk.Release())
        {
            chunk.Clear();
            _spare.Push(chunk);
            _chunksOut--;
        }
    }

    private void Break(Exception cause)
    {
        lock (_lock)
        {
            _broken ??= cause;
            _isReading = false;
        }

        Announce();
    }

    private void ThrowIfBroken()
    {
        if (_broken is { } cause)
        {
            throw IsTransportFault(cause) || cause is NpgsqlException ? new SessionBrokenException(cause) : new InvalidOperationException("The answers could not be read.", cause);
        }
    }

    private void Announce()
    {
        // One is enough: whoever waits looks at everything anew.
        if (_changed.CurrentCount == 0)
        {
            _changed.Release();
        }
    }

    private static bool IsTransportFault(Exception exception) =>
        exception is IOException or ObjectDisposedException or InvalidDataException or System.Net.Sockets.SocketException;
}
