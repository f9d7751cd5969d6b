using System.Buffers.Binary;
using System.Text;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Reads the fields of one message. What is not there is a fault of the message, and never a read beyond its end.
/// </summary>
/// <exception cref="InvalidDataException">The message ends before a field does.</exception>
internal ref struct MessageBody(ReadOnlySpan<byte> bytes)
{
    // Behind a column's name: table, column of it, type, size of the type, its modifier, format.
    private const int ColumnLength = 18;
    private const int TypeOffset = 6;
    private const int ModifierOffset = 12;

    private ReadOnlySpan<byte> _left = bytes;

    public readonly bool IsAtEnd => _left.IsEmpty;

    public byte ReadByte() => ReadBytes(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16BigEndian(ReadBytes(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32BigEndian(ReadBytes(4));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32BigEndian(ReadBytes(4));

    public ReadOnlySpan<byte> ReadBytes(int length)
    {
        if ((uint)length > (uint)_left.Length)
        {
            throw Malformed();
        }

        var read = _left[..length];
        _left = _left[length..];
        return read;
    }

    /// <summary>A text up to its zero byte.</summary>
    public ReadOnlySpan<byte> ReadText()
    {
        var length = _left.IndexOf((byte)0);
        if (length < 0)
        {
            throw Malformed();
        }

        var text = _left[..length];
        _left = _left[(length + 1)..];
        return text;
    }

    /// <summary>The columns that a RowDescription lists.</summary>
    public DescribedColumn[] ReadColumns(Encoding encoding)
    {
        var columns = new DescribedColumn[ReadUInt16()];
        for (var i = 0; i < columns.Length; i++)
        {
            var name = encoding.GetString(ReadText());
            var column = ReadBytes(ColumnLength);
            columns[i] = new(
                name,
                BinaryPrimitives.ReadUInt32BigEndian(column[TypeOffset..]),
                BinaryPrimitives.ReadInt32BigEndian(column[ModifierOffset..]));
        }

        return columns;
    }

    /// <summary>The values of a DataRow, as text; null for NULL.</summary>
    public string?[] ReadRow(Encoding encoding)
    {
        var values = new string?[ReadUInt16()];
        for (var i = 0; i < values.Length; i++)
        {
            var length = ReadInt32();
            values[i] = length < 0 ? null : encoding.GetString(ReadBytes(length));
        }

        return values;
    }

    /// <summary>The same, as the server sends them.</summary>
    public byte[]?[] ReadValues()
    {
        var values = new byte[]?[ReadUInt16()];
        for (var i = 0; i < values.Length; i++)
        {
            var length = ReadInt32();
            values[i] = length < 0 ? null : ReadBytes(length).ToArray();
        }

        return values;
    }

    /// <summary>The types that a ParameterDescription lists.</summary>
    public uint[] ReadTypes()
    {
        var types = new uint[ReadUInt16()];
        for (var i = 0; i < types.Length; i++)
        {
            types[i] = ReadUInt32();
        }

        return types;
    }

    private static InvalidDataException Malformed() => new("The server sent a message that ends before its fields do.");
}
