using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Apache.Arrow;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats.Columns;

/// <summary>Bytes of a column, one behind the other, in a pooled array that grows. Numbers are little-endian.</summary>
internal sealed class ColumnBytes : IDisposable
{
    private byte[] _bytes = [];

    public int Length { get; private set; }

    /// <summary>What was added. It holds until the next change.</summary>
    public ArrowBuffer Buffer => new(_bytes.AsMemory(0, Length));

    public void Add<T>(T value)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        if (_bytes.Length - Length < size)
        {
            Grow(size);
        }
        MemoryMarshal.Write(_bytes.AsSpan(Length), value);
        Length += size;
    }

    public void Add(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Makes room at the end, and returns it to be filled.</summary>
    public Span<byte> Take(int length)
    {
        if (_bytes.Length - Length < length)
        {
            Grow(length);
        }
        var taken = _bytes.AsSpan(Length, length);
        Length += length;
        return taken;
    }

    /// <summary>Sets a bit, with zeros up to it.</summary>
    public void AddBit(int index, bool isSet)
    {
        if (index >> 3 == Length)
        {
            Add((byte)0);
        }
        if (isSet)
        {
            _bytes[index >> 3] |= (byte)(1 << (index & 7));
        }
    }

    public void Clear() => Length = 0;

    public void Dispose()
    {
        RowBuffers.Return(_bytes);
        _bytes = [];
        Length = 0;
    }

    private void Grow(int needed)
    {
        var wanted = (long)Length + needed;
        if (wanted > int.MaxValue - 1024)
        {
            throw new JobFailedException(
                JobFailureKind.Refused, "A value of the result is longer than 2 GB; select less of it.");
        }
        var larger = RowBuffers.Take((int)wanted, _bytes.Length);
        _bytes.AsSpan(0, Length).CopyTo(larger);
        RowBuffers.Return(_bytes);
        _bytes = larger;
    }
}
