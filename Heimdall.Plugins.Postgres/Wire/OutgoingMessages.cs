using System.Buffers;
using System.Buffers.Binary;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>
/// Messages of the extended protocol, gathered so that they leave together, about the statement without a name and its portal:
/// https://www.postgresql.org/docs/current/protocol-message-formats.html
/// </summary>
internal sealed class OutgoingMessages : IDisposable
{
    private const int InitialSize = 4096;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(InitialSize);
    private int _length;
    private int _start;

    /// <param name="sql">One statement.</param>
    /// <param name="types">OIDs of its parameters' types; 0, or less of them than there are parameters: the server infers.</param>
    public void Parse(ReadOnlySpan<byte> sql, ReadOnlySpan<uint> types = default)
    {
        Begin('P');
        Add((byte)0);
        AddText(sql);
        AddInt16(types.Length);
        foreach (var type in types)
        {
            AddInt32((int)type);
        }
        End();
    }

    /// <summary>Gives the parameters their values, as text, and asks for results as text.</summary>
    /// <param name="values">UTF-8; null for NULL.</param>
    public void Bind(ReadOnlySpan<byte[]?> values)
    {
        Begin('B');
        Add((byte)0);
        Add((byte)0);
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
        Add((byte)'S');
        Add((byte)0);
        End();
    }

    /// <summary>Asks for all rows.</summary>
    public void Execute()
    {
        Begin('E');
        Add((byte)0);
        AddInt32(0);
        End();
    }

    /// <summary>Parse, Bind and Execute of a statement without parameters.</summary>
    public void Run(ReadOnlySpan<byte> sql)
    {
        Parse(sql);
        Bind([]);
        Execute();
    }

    /// <summary>Ends a run of messages: after an error, the server skips what is left of it.</summary>
    public void Sync()
    {
        Begin('S');
        End();
    }

    /// <summary>A simple Query, which is executed whatever became of what was sent before it.</summary>
    public void Query(ReadOnlySpan<byte> sql)
    {
        Begin('Q');
        AddText(sql);
        End();
    }

    public async ValueTask SendAsync(Stream stream, CancellationToken cancellationToken)
    {
        var length = _length;
        _length = 0;
        await stream.WriteAsync(_bytes.AsMemory(0, length), cancellationToken);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Begin(char type)
    {
        _start = _length + 1;
        Add((byte)type);
        AddInt32(0);
    }

    private void End() => BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_start), _length - _start);

    private void AddText(ReadOnlySpan<byte> text)
    {
        Add(text);
        Add((byte)0);
    }

    private void AddInt16(int value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), (ushort)value);

    private void AddInt32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(4), value);

    private void Add(byte value) => Take(1)[0] = value;

    private void Add(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    private Span<byte> Take(int count)
    {
        if (_bytes.Length - _length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, _length + count));
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
