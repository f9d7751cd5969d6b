using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;
using ZstdSharp;

namespace Heimdall.Core.Results;

/// <summary>A stored chunk, unpacked: its rows are handed to a writer in their order.</summary>
internal sealed class ReplayedChunk : IDisposable
{
    private byte[] _bytes;
    private int _position;

    private ReplayedChunk(StoredChunk stored, byte[] bytes)
    {
        FirstRow = stored.FirstRow;
        Rows = stored.Rows;
        _bytes = bytes;
    }

    public long FirstRow { get; }

    public int Rows { get; }

    /// <exception cref="ResultStorageException">It is not what was stored.</exception>
    public static ReplayedChunk Unpack(StoredChunk stored, Decompressor decompressor)
    {
        var packed = stored.Data.Span;
        byte[] bytes = [];
        try
        {
            bytes = RowBuffers.Take(checked((int)Decompressor.GetDecompressedSize(packed)));
            decompressor.Unwrap(packed, bytes);
            return new ReplayedChunk(stored, bytes);
        }
        catch (Exception exception) when (exception is ZstdException or OverflowException)
        {
            RowBuffers.Return(bytes);
            throw new ResultStorageException($"A chunk of a result is damaged: {exception.Message}", isLost: true, exception);
        }
    }

    public void Skip(long rows, int columns)
    {
        for (var values = rows * columns; values > 0; values--)
        {
            var length = ReadNumber();
            _position += length == 0 ? 0 : (int)(length - 1);
        }
    }

    public async ValueTask ReplayAsync(long rows, int columns, IResultWriter writer, CancellationToken cancellationToken)
    {
        for (; rows > 0; rows--)
        {
            ReplayRow(columns, writer);
            await writer.FlushAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        RowBuffers.Return(_bytes);
        _bytes = [];
    }

    private void ReplayRow(int columns, IResultWriter writer)
    {
        writer.StartRow();
        for (var column = 0; column < columns; column++)
        {
            var length = ReadNumber();
            if (length == 0)
            {
                writer.WriteNull();
                continue;
            }
            writer.WriteValue(_bytes.AsSpan(_position, (int)(length - 1)));
            _position += (int)(length - 1);
        }
        writer.EndRow();
    }

    private uint ReadNumber()
    {
        uint value = _bytes[_position++];
        if (value < 0x80)
        {
            return value;
        }
        value &= 0x7F;
        for (var shift = 7; ; shift += 7)
        {
            var next = _bytes[_position++];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
