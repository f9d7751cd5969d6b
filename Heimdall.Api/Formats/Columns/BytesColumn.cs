using System.Buffers;
using Apache.Arrow;
using Apache.Arrow.Types;
using Heimdall.Api.Serialization;

namespace Heimdall.Api.Formats.Columns;

/// <summary>A column of texts or of bytes: each value from its offset to the next one.</summary>
/// <param name="type">Utf8 or binary.</param>
/// <param name="isHex">Whether the text of a value is hex, after <c>\x</c>.</param>
internal sealed class BytesColumn(IArrowType type, bool isHex) : ArrowColumn(type)
{
    private readonly ColumnBytes _offsets = new();
    private readonly ColumnBytes _values = new();

    public override int Bytes => _values.Length + _offsets.Length;

    public override void Clear()
    {
        base.Clear();
        _offsets.Clear();
        _values.Clear();
    }

    protected override IEnumerable<ArrowBuffer> Buffers
    {
        get
        {
            if (_offsets.Length == 0)
            {
                _offsets.Add(0);
            }
            return [_offsets.Buffer, _values.Buffer];
        }
    }

    protected override void AddEmpty()
    {
        if (_offsets.Length == 0)
        {
            _offsets.Add(0);
        }
        _offsets.Add(_values.Length);
    }

    protected override bool TryAddValue(ReadOnlySpan<byte> text)
    {
        if (isHex)
        {
            if (!text.StartsWith(@"\x"u8) || text.Length % 2 != 0)
            {
                return false;
            }
            var target = _values.Take((text.Length - 2) / 2);
            if (Convert.FromHexString(text[2..], target, out _, out _) != OperationStatus.Done)
            {
                return false;
            }
        }
        else
        {
            _values.Add(Utf8Text.Of(text));
        }
        AddEmpty();
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _offsets.Dispose();
        _values.Dispose();
    }
}
