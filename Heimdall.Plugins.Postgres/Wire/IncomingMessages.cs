using System.Buffers;
using System.Buffers.Binary;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>
/// Reads the server's messages, as many as a read of the stream brings, through one pooled buffer, which grows for a message that is longer.
/// </summary>
/// <param name="stream">From the server.</param>
/// <param name="keepsRows">False to drop rows and copy data, however long they are.</param>
/// <param name="longestRow">Tells how many bytes the next of them may have: a longer one is dropped instead of waited for.</param>
internal sealed class IncomingMessages(Stream stream, bool keepsRows, Func<long>? longestRow = null) : IDisposable
{
    private const int Header = 5;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private int _start;
    private int _end;
    private long _toSkip;

    /// <summary>Nothing of a message that has begun is left unread: the stream can be given back.</summary>
    public bool IsAtBoundary => _start == _end && _toSkip == 0;

    /// <summary>The next message if all of it is there. Of rows and copy data that are dropped the body is empty. Valid until the next <see cref="FillAsync"/>.</summary>
    public bool TryRead(out byte type, out ReadOnlySpan<byte> body)
    {
        type = 0;
        body = default;
        Skip();
        if (_toSkip > 0 || _end - _start < Header)
        {
            return false;
        }

        type = _bytes[_start];
        var length = BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(_start + 1)) - 4;
        if (length < 0)
        {
            throw new InvalidDataException("The server sent a message of negative length.");
        }

        var isWhole = _end - _start - Header >= length;
        if ((type is (byte)'D' or (byte)'d') && (!keepsRows || (!isWhole && length > longestRow?.Invoke())))
        {
            _start += Header;
            _toSkip = length;
            Skip();
            return true;
        }

        if (!isWhole)
        {
            MakeRoomFor(Header + length);
            return false;
        }

        body = _bytes.AsSpan(_start + Header, length);
        _start += Header + length;
        return true;
    }

    /// <summary>Waits for more.</summary>
    /// <returns>How many bytes came.</returns>
    /// <exception cref="EndOfStreamException">There will be no more.</exception>
    public async ValueTask<int> FillAsync(CancellationToken cancellationToken)
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_end == _bytes.Length)
        {
            MakeRoomFor(_end - _start + 1);
        }

        var read = await stream.ReadAsync(_bytes.AsMemory(_end), cancellationToken);
        if (read == 0)
        {
            throw new EndOfStreamException("The server closed the connection.");
        }

        _end += read;
        return read;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Skip()
    {
        var skipped = (int)Math.Min(_toSkip, _end - _start);
        _start += skipped;
        _toSkip -= skipped;
    }

    private void MakeRoomFor(int length)
    {
        if (_start + length <= _bytes.Length)
        {
            return;
        }

        var kept = _bytes.AsSpan(_start, _end - _start);
        if (length > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Array.MaxLength, Math.Max(length, _bytes.Length * 2L)));
            kept.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        else
        {
            kept.CopyTo(_bytes);
        }

        (_end, _start) = (_end - _start, 0);
    }
}
