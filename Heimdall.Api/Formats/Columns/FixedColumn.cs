using Apache.Arrow;
using Apache.Arrow.Types;

namespace Heimdall.Api.Formats.Columns;

/// <summary>Reads a value from its text.</summary>
/// <returns>False where there is no such value.</returns>
internal delegate bool ValueReader<T>(ReadOnlySpan<byte> text, out T value);

/// <summary>A column whose values are all of one size.</summary>
internal sealed class FixedColumn<T>(IArrowType type, ValueReader<T> read) : ArrowColumn(type)
    where T : unmanaged
{
    private readonly ColumnBytes _values = new();

    public override int Bytes => _values.Length;

    public override void Clear()
    {
        base.Clear();
        _values.Clear();
    }

    protected override IEnumerable<ArrowBuffer> Buffers => [_values.Buffer];

    protected override void AddEmpty() => _values.Add(default(T));

    protected override bool TryAddValue(ReadOnlySpan<byte> text)
    {
        if (!read(text, out var value))
        {
            return false;
        }
        _values.Add(value);
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _values.Dispose();
    }
}

/// <summary>A column of bits.</summary>
internal sealed class BooleanColumn() : ArrowColumn(BooleanType.Default)
{
    private readonly ColumnBytes _values = new();

    public override int Bytes => _values.Length;

    public override void Clear()
    {
        base.Clear();
        _values.Clear();
    }

    protected override IEnumerable<ArrowBuffer> Buffers => [_values.Buffer];

    protected override void AddEmpty() => _values.AddBit(Count, isSet: false);

    protected override bool TryAddValue(ReadOnlySpan<byte> text)
    {
        _values.AddBit(Count, isSet: text is [(byte)'t']);
        return text is [(byte)'t'] or [(byte)'f'];
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _values.Dispose();
    }
}
