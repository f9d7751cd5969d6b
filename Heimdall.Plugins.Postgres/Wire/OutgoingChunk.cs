using System.Buffers.Binary;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>
/// Messages to be sent together. They are kept until all of them are answered, because an error names a position in a statement's text:
/// https://www.postgresql.org/docs/current/protocol-message-formats.html
/// </summary>
internal sealed class OutgoingChunk
{
    public const int Size = 128 * 1024;

    // Bind and Execute of the statement without a name: no parameters, all results as text, all rows.
    private static readonly byte[] BindAndExecute = [(byte)'B', 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, (byte)'E', 0, 0, 0, 9, 0, 0, 0, 0, 0];

    // What may stand around a statement: the messages of a block of its own, a Flush, a Sync.
    private const int Margin = 128;

    private readonly byte[] _bytes = new byte[Size];
    private int _length;
    private int _open = 1;

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _length);

    public bool IsEmpty => _length == 0;

    /// <summary>Whether a statement of that many bytes, with all that may go around it, still has room.</summary>
    public bool HasRoomFor(int length) => _length + length + Margin <= Size;

    /// <summary>When it was sent, as of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long SentAt { get; set; }

    /// <summary>Whether a statement of that many bytes has room in an empty chunk.</summary>
    public static bool Fits(int length) => length + Margin <= Size;

    /// <summary>What stands before the text of a Query that is sent without a chunk.</summary>
    public static byte[] QueryHeader(int length)
    {
        var header = new byte[5];
        header[0] = (byte)'Q';
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(1), length + 5);
        return header;
    }

    /// <summary>And what stands behind it.</summary>
    public static byte[] QueryEnd { get; } = [0];

    /// <summary>Whether the caller's answer was the last: the chunk can be filled again.</summary>
    public bool Release() => Interlocked.Decrement(ref _open) == 0;

    public void Hold() => Interlocked.Increment(ref _open);

    public void Clear() => (_length, _open) = (0, 1);

    /// <summary>A simple Query.</summary>
    /// <returns>Where the text begins.</returns>
    public int AddQuery(ReadOnlySpan<byte> text)
    {
        Begin((byte)'Q', text.Length + 5);
        var start = Add(text);
        Add([0]);
        return start;
    }

    /// <summary>Parse, Bind and Execute of the extended protocol.</summary>
    /// <returns>Where the text begins.</returns>
    public int AddExecution(ReadOnlySpan<byte> text)
    {
        Begin((byte)'P', text.Length + 8);
        Add([0]);
        var start = Add(text);
        Add([0, 0, 0]);
        Add(BindAndExecute);
        return start;
    }

    public void AddFlush() => Begin((byte)'H', 4);

    public void AddSync() => Begin((byte)'S', 4);

    private void Begin(byte type, int length)
    {
        _bytes[_length] = type;
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_length + 1), length);
        _length += 5;
    }

    private int Add(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
        return _length - bytes.Length;
    }
}
