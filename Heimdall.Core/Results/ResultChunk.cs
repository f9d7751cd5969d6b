using Heimdall.Core.Plugins;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Heimdall.Core.Results;

/// <summary>
/// A piece of a result while it is gathered: whole rows, each value as its length + 1 (0 is null) and its text. Lengths are variable-length
/// integers of 7 bits a byte, lowest first. Stored as one frame of zstd (RFC 8878) that has a checksum.
/// </summary>
internal sealed class ResultChunk : IDisposable
{
    /// <summary>As much as makes a chunk worth storing; the last row may lie across it.</summary>
    public const int EnoughBytes = 256 * 1024;

    private const int CompressionLevel = 1; // the higher ones cost more time than their bytes save
    private const int MaxNumber = 5;        // bytes of a 32-bit number

    private byte[] _bytes = RowBuffers.Take(EnoughBytes + (EnoughBytes / 4));
    private int _rowStart;

    public long FirstRow { get; private set; }

    public int Rows { get; private set; }

    public int Bytes { get; private set; }

    public static Compressor CreateCompressor()
    {
        var compressor = new Compressor(CompressionLevel);
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor;
    }

    public void StartRow() => _rowStart = Bytes;

    public void WriteNull()
    {
        MakeRoom(MaxNumber);
        WriteNumber(0);
    }

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        MakeRoom(MaxNumber + utf8.Length);
        WriteNumber((uint)utf8.Length + 1);
        utf8.CopyTo(_bytes.AsSpan(Bytes));
        Bytes += utf8.Length;
    }

    public void EndRow() => Rows++;

    /// <summary>Forgets what was written of a row that has not ended.</summary>
    public void TakeBackRow() => Bytes = _rowStart;

    /// <summary>The chunk as it is stored.</summary>
    /// <returns>A borrowed array and how much of it is used.</returns>
    public (byte[] Bytes, int Length) Pack(Compressor compressor)
    {
        var packed = RowBuffers.Take(Compressor.GetCompressBound(Bytes));
        return (packed, compressor.Wrap(_bytes.AsSpan(0, Bytes), packed));
    }

    /// <summary>Begins anew.</summary>
    public void Clear(long firstRow)
    {
        FirstRow = firstRow;
        Rows = 0;
        Bytes = 0;
        _rowStart = 0;
    }

    public void Dispose()
    {
        RowBuffers.Return(_bytes);
        _bytes = [];
    }

    private void WriteNumber(uint value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes[Bytes++] = (byte)(value | 0x80);
        }
        _bytes[Bytes++] = (byte)value;
    }

    private void MakeRoom(int needed)
    {
        if (_bytes.Length - Bytes >= needed)
        {
            return;
        }
        var larger = RowBuffers.Take((int)Math.Min((long)Bytes + needed, Array.MaxLength), _bytes.Length);
        _bytes.AsSpan(0, Bytes).CopyTo(larger);
        RowBuffers.Return(_bytes);
        _bytes = larger;
    }
}
