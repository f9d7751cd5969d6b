using System.Buffers;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// The stretch of the script that is still needed. Positions count from the first kept byte, so that refilling, which
/// moves and grows what is underneath, changes none of them.
/// </summary>
internal sealed class ScriptBuffer(Stream script, bool leavesOpen = false) : IAsyncDisposable
{
    // Below the large object heap's limit: most scripts are small, and one large array a job would cost more than the scan.
    private const int InitialSize = 64 * 1024;

    // PostgreSQL takes no message longer than this (MaxAllocSize), so holding more could not help.
    private const int LongestStatement = 0x3FFF_FFFF;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(InitialSize);
    private bool _rented = true;
    private int _start;
    private int _end;

    public ReadOnlySpan<byte> Kept => _bytes.AsSpan(_start, _end - _start);

    /// <summary>The same bytes; valid until the next <see cref="FillAsync"/>, even when they are discarded.</summary>
    public ReadOnlyMemory<byte> KeptMemory => _bytes.AsMemory(_start, _end - _start);

    /// <summary>Whether the stream has ended: what is kept is all that is left.</summary>
    public bool Ended { get; private set; }

    /// <summary>Offset of the first kept byte in the script.</summary>
    public long Offset { get; private set; }

    /// <summary>How many bytes have been discarded: with it, a position becomes one that discarding does not change.</summary>
    public long Discarded { get; private set; }

    /// <summary>False while the script is written in an encoding of one byte a character: then columns count bytes.</summary>
    public bool IsUtf8 { get; set; } = true;

    /// <summary>What stands in the kept bytes instead of what the script has there.</summary>
    public SpliceList Splices { get; } = new();

    /// <summary>Where the first kept byte stands.</summary>
    public ScriptLocation Start { get; private set; } = ScriptLocation.First;

    public ScriptLocation Locate(int position) => Splices.Locate(Start, Kept[..position], IsUtf8);

    public void Discard(int count)
    {
        Start = Locate(count);
        Offset += count + Splices.Difference(count);
        Splices.Discard(count);
        _start += count;
        Discarded += count;
    }

    /// <summary>Puts other bytes where the script has <paramref name="length"/> bytes of one line. Places go on counting as in the script.</summary>
    public void Replace(int position, int length, ReadOnlySpan<byte> replacement)
    {
        var growth = replacement.Length - length;
        if (_bytes.Length - _end < growth)
        {
            MakeRoom(growth);
        }

        var original = Kept.Slice(position, length);
        Splices.Add(position, length, ScriptLocation.CountCharacters(original, IsUtf8), replacement.Length);
        _bytes.AsSpan(_start + position + length, _end - _start - position - length).CopyTo(_bytes.AsSpan(_start + position + replacement.Length));
        replacement.CopyTo(_bytes.AsSpan(_start + position));
        _end += growth;
    }

    /// <summary>Discards a byte order mark: it takes no column.</summary>
    public async ValueTask SkipByteOrderMarkAsync(CancellationToken cancellationToken)
    {
        while (Kept.Length < 3 && !Ended)
        {
            await FillAsync(cancellationToken);
        }

        if (Kept is [0xEF, 0xBB, 0xBF, ..])
        {
            _start += 3;
            Offset += 3;
        }
    }

    /// <summary>Keeps at least one byte more, or finds the end of the script.</summary>
    public async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        // Short of room is treated as none: reading the last few bytes of the buffer would cost a call each.
        if (_bytes.Length - _end < _bytes.Length / 4)
        {
            MakeRoom(1);
        }

        // No more at once: whatever is put into the kept bytes moves all that is behind it.
        var count = await script.ReadAsync(
            _bytes.AsMemory(_end, Math.Min(_bytes.Length - _end, InitialSize)), cancellationToken);

        _end += count;
        Ended = count == 0;
    }

    public ValueTask DisposeAsync()
    {
        ReturnRented();
        _bytes = [];
        _start = _end = 0;

        return leavesOpen ? ValueTask.CompletedTask : script.DisposeAsync();
    }

    /// <param name="wanted">Bytes that must find room behind those kept.</param>
    private void MakeRoom(int wanted)
    {
        var kept = Kept;
        var needed = (long)kept.Length + wanted;

        if (kept.Length > LongestStatement || needed > Array.MaxLength)
        {
            throw new ScriptException("The statement that begins here is longer than 1 GB, which PostgreSQL does not take: split it.", Start);
        }

        // Moving no more than half and otherwise doubling keeps the copying linear in the length of the script.
        var target = kept.Length <= _bytes.Length / 2 && needed <= _bytes.Length
            ? _bytes
            : GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, Math.Max(needed, _bytes.Length * 2L)));

        kept.CopyTo(target);
        (_end, _start) = (kept.Length, 0);

        if (target != _bytes)
        {
            ReturnRented();
            _bytes = target;
        }
    }

    private void ReturnRented()
    {
        if (_rented)
        {
            _rented = false;
            ArrayPool<byte>.Shared.Return(_bytes);
        }
    }
}
