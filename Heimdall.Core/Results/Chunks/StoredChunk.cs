using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results.Chunks;

/// <summary>Some rows of a result as they are stored. Its bytes are borrowed, and given back when it is disposed.</summary>
/// <param name="firstRow">The number of its first row in the result, from 0.</param>
/// <param name="rows">How many rows it holds.</param>
/// <param name="length">Of its data, in bytes.</param>
internal sealed class StoredChunk(long firstRow, int rows, int length) : IDisposable
{
    private byte[] _bytes = RowBuffers.Take(length);

    public long FirstRow => firstRow;

    public int Rows => rows;

    public Memory<byte> Data => _bytes.AsMemory(0, length);

    public void Dispose()
    {
        RowBuffers.Return(_bytes);
        _bytes = [];
    }
}
