using System.Buffers.Binary;
using System.Text;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Encodes messages to the server, gathered so that they leave together. They speak of the statement without a name and
/// its portal, with parameters and results as text:
/// https://www.postgresql.org/docs/current/protocol-message-formats.html
/// </summary>
/// <param name="capacity">Bytes at the beginning; it grows where more is needed.</param>
internal sealed class ClientMessages(int capacity)
{
    /// <summary>Length of a message's type and length.</summary>
    public const int Header = 5;

    /// <summary>A buffer that has grown above this is not kept.</summary>
    private const int MostKept = 1024 * 1024;

    // Bind and Execute without parameters: all results as text, all rows.
    private static readonly byte[] _bindAndExecute =
        [(byte)'B', 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, (byte)'E', 0, 0, 0, 9, 0, 0, 0, 0, 0];

    private byte[] _bytes = new byte[capacity];
    private int _start;

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, Length);

    public int Length { get; private set; }

    public bool IsEmpty => Length == 0;

    /// <summary>What stands behind the text of a Query that is sent without a copy.</summary>
    public static byte[] QueryEnd { get; } = [0];

    /// <summary>What stands before it.</summary>
    public static byte[] QueryHeader(int length) => HeaderOf('Q', length + 1);

    /// <summary>Writes the header of a message of which <paramref name="length"/> bytes follow.</summary>
    public static byte[] HeaderOf(char type, int length)
    {
        var header = new byte[Header];
        WriteHeader(header, type, length);
        return header;
    }

    /// <inheritdoc cref="HeaderOf"/>
    public static void WriteHeader(Span<byte> header, char type, int length)
    {
        header[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], length + 4);
    }

    /// <summary>Forgets what was gathered.</summary>
    public void Clear()
    {
        Length = 0;
        if (_bytes.Length > Math.Max(capacity, MostKept))
        {
            _bytes = new byte[capacity];
        }
    }

    /// <param name="sql">One statement.</param>
    /// <param name="types">OIDs of its parameters' types; where there are less than parameters, or one is 0, the server
    /// infers it.</param>
    /// <param name="comment">What follows the statement in its text.</param>
    /// <returns>Where the text begins.</returns>
    public int Parse(
        ReadOnlySpan<byte> sql, ReadOnlySpan<uint> types = default, ReadOnlySpan<byte> comment = default)
    {
        Begin('P');
        Take(1)[0] = 0;
        var text = AddText(sql, comment);
        AddInt16(types.Length);
        foreach (var type in types)
        {
            AddInt32((int)type);
        }

        End();
        return text;
    }

    /// <summary>Gives the parameters their values, as text, and asks for results as text.</summary>
    /// <param name="values">In the session's encoding; null for NULL.</param>
    public void Bind(ReadOnlySpan<byte[]?> values)
    {
        Begin('B');
        Take(2).Clear();
        AddInt16(0);
        AddInt16(values.Length);
        foreach (var value in values)
        {
            AddInt32(value?.Length ?? -1);
            Add(value);
        }

        AddInt16(0);
        End();
    }

    /// <summary>Asks for the types of the parameters and the columns.</summary>
    public void Describe()
    {
        Begin('D');
        Take(2)[0] = (byte)'S';
        _bytes[Length - 1] = 0;
        End();
    }

    /// <summary>Asks for all rows.</summary>
    public void Execute()
    {
        Begin('E');
        Take(1)[0] = 0;
        AddInt32(0);
        End();
    }

    /// <summary>Parse, Bind and Execute of a statement without parameters.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="comment">What follows it in its text.</param>
    /// <returns>Where the text begins.</returns>
    public int Run(ReadOnlySpan<byte> sql, ReadOnlySpan<byte> comment = default)
    {
        var text = Parse(sql, types: default, comment);
        Add(_bindAndExecute);
        return text;
    }

    /// <summary>A simple Query, which is executed whatever became of what was sent before it.</summary>
    /// <param name="sql">The text.</param>
    /// <param name="comment">What follows it.</param>
    /// <returns>Where the text begins.</returns>
    public int Query(ReadOnlySpan<byte> sql, ReadOnlySpan<byte> comment = default)
    {
        Begin('Q');
        var text = AddText(sql, comment);
        End();
        return text;
    }

    /// <summary>Ends a run of messages: after an error, the server skips what is left of it.</summary>
    public void Sync() => Empty('S');

    /// <summary>Asks for the answers that the server has gathered.</summary>
    public void Flush() => Empty('H');

    /// <summary>Says that the data of a COPY is complete.</summary>
    public void CopyDone() => Empty('c');

    /// <summary>Has a COPY fail.</summary>
    public void CopyFail(string reason)
    {
        Begin('f');
        AddText(Encoding.UTF8.GetBytes(reason));
        End();
    }

    private void Empty(char type)
    {
        Begin(type);
        End();
    }

    private void Begin(char type)
    {
        _start = Length + 1;
        Take(Header)[0] = (byte)type;
    }

    private void End() => BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_start), Length - _start);

    private int AddText(ReadOnlySpan<byte> text, ReadOnlySpan<byte> comment = default)
    {
        var start = Length;
        var bytes = Take(text.Length + comment.Length + 1);
        text.CopyTo(bytes);
        comment.CopyTo(bytes[text.Length..]);
        bytes[^1] = 0;
        return start;
    }

    private void AddInt16(int value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), (ushort)value);

    private void AddInt32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(4), value);

    private void Add(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    private Span<byte> Take(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(
                ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(_bytes.Length * 2L, (long)Length + count)));
        }

        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }
}
