using System.Buffers;
using System.IO.Compression;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>
/// A piece of a stored result: whole rows, each value as its length + 1 (0 is null) and its text. Lengths are variable-length
/// integers of 7 bits a byte, lowest first. The first number is the count of rows. Compressed by Brotli.
/// </summary>
internal sealed class ResultChunk
{
    private readonly ArrayBufferWriter<byte> _buffer = new(64 * 1024);

    public int Rows { get; private set; }

    public int Bytes => _buffer.WrittenCount;

    public void EndRow() => Rows++;

    public void WriteNull() => WriteNumber(0);

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        WriteNumber((uint)utf8.Length + 1);
        _buffer.Write(utf8);
    }

    /// <summary>The chunk as it is stored; the next one begins empty.</summary>
    public byte[] Take()
    {
        using var packed = new MemoryStream();
        using (var brotli = new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            Span<byte> header = stackalloc byte[5];
            brotli.Write(header[..Encode((uint)Rows, header)]);
            brotli.Write(_buffer.WrittenSpan);
        }
        _buffer.ResetWrittenCount();
        Rows = 0;
        return packed.ToArray();
    }

    /// <summary>Hands the rows of a stored chunk to a writer.</summary>
    public static async ValueTask ReplayAsync(byte[] stored, int columns, IResultWriter writer, CancellationToken cancellationToken)
    {
        using var unpacked = new MemoryStream();
        using (var brotli = new BrotliStream(new MemoryStream(stored), CompressionMode.Decompress))
        {
            await brotli.CopyToAsync(unpacked, cancellationToken);
        }
        var bytes = unpacked.GetBuffer().AsMemory(0, (int)unpacked.Length);
        for (var rows = ReadNumber(ref bytes); rows > 0; rows--)
        {
            writer.StartRow();
            for (var column = 0; column < columns; column++)
            {
                ReplayValue(ref bytes, writer);
            }
            writer.EndRow();
            await writer.FlushAsync(cancellationToken);
        }
    }

    private static void ReplayValue(ref Memory<byte> bytes, IResultWriter writer)
    {
        var length = ReadNumber(ref bytes);
        if (length == 0)
        {
            writer.WriteNull();
            return;
        }
        writer.WriteValue(bytes.Span[..(int)(length - 1)]);
        bytes = bytes[(int)(length - 1)..];
    }

    private void WriteNumber(uint value) => _buffer.Advance(Encode(value, _buffer.GetSpan(5)));

    private static int Encode(uint value, Span<byte> target)
    {
        var length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            target[length++] = (byte)(value | 0x80);
        }
        target[length++] = (byte)value;
        return length;
    }

    private static uint ReadNumber(ref Memory<byte> bytes)
    {
        uint value = 0;
        for (var (shift, index) = (0, 0); ; shift += 7, index++)
        {
            var next = bytes.Span[index];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                bytes = bytes[(index + 1)..];
                return value;
            }
        }
    }
}
