using Apache.Arrow;
using Apache.Arrow.Types;

namespace Heimdall.Api.Formats.Columns;

/// <summary>The values of a column that are gathered for the next batch, as Arrow lays them out in memory.</summary>
internal abstract class ArrowColumn(IArrowType type) : IDisposable
{
    private readonly ColumnBytes _validity = new();
    private int _nulls;

    public IArrowType Type => type;

    /// <summary>How many values there are, with the nulls.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of them.</summary>
    public abstract int Bytes { get; }

    public void AddNull()
    {
        AddEmpty();
        _validity.AddBit(Count++, isSet: false);
        _nulls++;
    }

    /// <param name="text">As PostgreSQL writes the value.</param>
    /// <returns>False where the type has no such value. The column is of no use then.</returns>
    public bool TryAdd(ReadOnlySpan<byte> text)
    {
        if (!TryAddValue(text))
        {
            return false;
        }
        _validity.AddBit(Count++, isSet: true);
        return true;
    }

    /// <summary>What was gathered. It holds until the next change.</summary>
    public ArrayData ToData()
    {
        ArrowBuffer[] buffers = [_nulls == 0 ? ArrowBuffer.Empty : _validity.Buffer, .. Buffers];
        return new ArrayData(type, Count, _nulls, 0, buffers, Children);
    }

    public virtual void Clear()
    {
        _validity.Clear();
        (_nulls, Count) = (0, 0);
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract IEnumerable<ArrowBuffer> Buffers { get; }

    protected virtual ArrayData[] Children => [];

    /// <summary>Takes the room of a null.</summary>
    protected abstract void AddEmpty();

    protected abstract bool TryAddValue(ReadOnlySpan<byte> text);

    protected virtual void Dispose(bool disposing) => _validity.Dispose();
}
