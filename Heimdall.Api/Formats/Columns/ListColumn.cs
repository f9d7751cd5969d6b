using Apache.Arrow;
using Apache.Arrow.Types;

namespace Heimdall.Api.Formats.Columns;

/// <summary>
/// A column of arrays, as PostgreSQL writes them: <c>{1,NULL,"a \"b\""}</c>. An array with more than one dimension, or
/// that does not begin at 1, has no place in a list.
/// </summary>
internal sealed class ListColumn(ArrowColumn items, Field item) : ArrowColumn(new ListType(item))
{
    private readonly ColumnBytes _offsets = new();
    private byte[] _unquoted = [];

    public override int Bytes => _offsets.Length + items.Bytes;

    public override void Clear()
    {
        base.Clear();
        _offsets.Clear();
        items.Clear();
    }

    protected override IEnumerable<ArrowBuffer> Buffers
    {
        get
        {
            if (_offsets.Length == 0)
            {
                _offsets.Add(0);
            }
            return [_offsets.Buffer];
        }
    }

    protected override ArrayData[] Children => [items.ToData()];

    protected override void AddEmpty()
    {
        if (_offsets.Length == 0)
        {
            _offsets.Add(0);
        }
        _offsets.Add(items.Count);
    }

    protected override bool TryAddValue(ReadOnlySpan<byte> text)
    {
        if (text is not [(byte)'{', .. var inner, (byte)'}'])
        {
            return false;
        }
        for (var rest = inner; inner.Length > 0;)
        {
            if (!TryAddItem(ref rest))
            {
                return false;
            }
            if (rest.IsEmpty)
            {
                break;
            }
            if (rest[0] != (byte)',')
            {
                return false;
            }
            rest = rest[1..];
        }
        AddEmpty();
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _offsets.Dispose();
        items.Dispose();
    }

    private bool TryAddItem(ref ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty || rest[0] == (byte)'{')
        {
            return false;
        }
        if (rest[0] == (byte)'"')
        {
            return TryUnquote(ref rest, out var unquoted) && items.TryAdd(unquoted);
        }
        var end = rest.IndexOf((byte)',');
        var value = end < 0 ? rest : rest[..end];
        rest = rest[value.Length..];
        if (!value.SequenceEqual("NULL"u8))
        {
            return items.TryAdd(value);
        }
        items.AddNull();
        return true;
    }

    private bool TryUnquote(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> value)
    {
        if (_unquoted.Length < rest.Length)
        {
            _unquoted = new byte[rest.Length];
        }
        var length = 0;
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == (byte)'"')
            {
                value = _unquoted.AsSpan(0, length);
                rest = rest[(i + 1)..];
                return true;
            }
            i += rest[i] == (byte)'\\' ? 1 : 0;
            if (i < rest.Length)
            {
                _unquoted[length++] = rest[i];
            }
        }
        value = default;
        return false;
    }
}
