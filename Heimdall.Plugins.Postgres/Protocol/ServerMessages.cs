using System.Buffers.Binary;
using Heimdall.Core.Plugins;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Reads the server's messages, as many as a read of the stream brings, through one pooled buffer, which grows for a
/// message that is longer.
/// </summary>
internal sealed class ServerMessages(Stream stream) : IDisposable
{
    private const int Header = 5;

    private const int Initial = 64 * 1024;

    /// <summary>Bytes that are kept of a notice or an error: a RAISE may be of any length.</summary>
    private const int LongestReport = 256 * 1024;

    /// <summary>No other message is as long, not that of the most columns or parameters.</summary>
    private const int LongestOther = 16 * 1024 * 1024;

    private byte[] _bytes = [];
    private int _start;
    private int _end;
    private long _toSkip;

    /// <summary>The next message if all of it is there. Valid until the next <see cref="FillAsync"/>.</summary>
    /// <param name="longestRow">
    /// Bytes that a row may have which has not come whole; null where rows are not wanted. The body of a dropped row is
    /// empty.
    /// </param>
    /// <param name="type">The message's.</param>
    /// <param name="body">Behind type and length.</param>
    /// <exception cref="InvalidDataException">What came is no message.</exception>
    public bool TryRead(long? longestRow, out byte type, out ReadOnlySpan<byte> body)
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
        if (length < 0 || length > Array.MaxLength - Header)
        {
            throw new InvalidDataException("The server sent a message of a length that no message has.");
        }

        var isWhole = _end - _start - Header >= length;
        if ((type is (byte)'D' or (byte)'d') && (longestRow is not { } longest || (!isWhole && length > longest)))
        {
            _start += Header;
            _toSkip = length;
            Skip();
            return true;
        }

        if (!isWhole && (type is (byte)'N' or (byte)'E') && length > LongestReport)
        {
            return TryReadBeginning(length, out body);
        }

        if (!isWhole && length > LongestOther && type is not ((byte)'D' or (byte)'d'))
        {
            throw new InvalidDataException("The server sent a message that is longer than any of its kind.");
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

    /// <summary>Waits for more. Nothing but the end of the connection ends the wait.</summary>
    /// <returns>How many bytes came.</returns>
    /// <exception cref="EndOfStreamException">There will be no more.</exception>
    public async ValueTask<int> FillAsync()
    {
        if (_bytes.Length == 0)
        {
            _bytes = RowBuffers.Take(Initial);
        }

        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_end == _bytes.Length)
        {
            MakeRoomFor(_end - _start + 1);
        }

        var read = await stream.ReadAsync(_bytes.AsMemory(_end), CancellationToken.None);
        if (read == 0)
        {
            throw new EndOfStreamException("The server closed the connection.");
        }

        _end += read;
        return read;
    }

    /// <summary>
    /// Gives the buffer back where nothing is left in it: a session that waits for its next use needs none.
    /// </summary>
    public void Rest()
    {
        if (_start == _end)
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        RowBuffers.Return(_bytes);
        (_bytes, _start, _end) = ([], 0, 0);
    }

    private bool TryReadBeginning(int length, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (_end - _start - Header < LongestReport)
        {
            MakeRoomFor(Header + LongestReport);
            return false;
        }

        body = _bytes.AsSpan(_start + Header, LongestReport);
        _start += Header + LongestReport;
        _toSkip = length - LongestReport;
        Skip();
        return true;
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
            var larger = RowBuffers.Take(length, _bytes.Length);
            kept.CopyTo(larger);
            RowBuffers.Return(_bytes);
            _bytes = larger;
        }
        else
        {
            kept.CopyTo(_bytes);
        }

        (_end, _start) = (_end - _start, 0);
    }
}
