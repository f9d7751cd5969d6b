using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// Writes rows as text of some format, through one pooled buffer. Nothing is sent before the buffer is full or the result
/// has ended, so that the failure of a small query can still have a status of its own.
/// </summary>
internal abstract class TextResultWriter(IResultOutput output, ResultOpening opening) : IResultWriter, IDisposable
{
    private const int InitialSize = 64 * 1024;
    private const int FlushThreshold = 32 * 1024; // bytes; a row that is longer makes the buffer grow

    private byte[] _bytes = RowBuffers.Take(InitialSize);
    private int _length;
    private int? _rowStart; // rows are sent when they are whole, so an open one is still in the buffer

    protected ResultOpening Opening => opening;

    /// <summary>How the values of each column may be written down.</summary>
    protected ResultValueKind[] Kinds { get; private set; } = [];

    /// <summary>True once the columns are written.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>True once the reader may have seen something: from then on a failure can only be told at the result's end.</summary>
    public bool HasSent { get; private set; }

    /// <summary>How many whole rows are written.</summary>
    public long RowCount { get; private set; }

    public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        HasStarted = true;
        Kinds = [.. columns.Select(column => column.Kind)];
        WriteStart(columns);
        return ValueTask.CompletedTask;
    }

    public void StartRow()
    {
        _rowStart = _length;
        WriteRowStart();
    }

    public abstract void WriteNull();

    public abstract void WriteValue(ReadOnlySpan<byte> utf8);

    public void EndRow()
    {
        WriteRowEnd();
        _rowStart = null;
        RowCount++;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) =>
        _length < FlushThreshold ? ValueTask.CompletedTask : SendAsync(cancellationToken);

    /// <summary>Ends the result; an empty one begins and ends here.</summary>
    public async ValueTask EndAsync(ResultEnding ending, CancellationToken cancellationToken)
    {
        if (!HasStarted)
        {
            await StartAsync([], cancellationToken);
        }
        _length = _rowStart ?? _length; // a row that a failure left unfinished is taken back
        WriteEnd(ending);
        await SendAsync(cancellationToken);
        if (ending.Status != JobStatus.Succeeded && !ending.IsPartial && BreaksOff)
        {
            output.Abort();
        }
    }

    public void Dispose()
    {
        RowBuffers.Return(_bytes);
        _bytes = [];
    }

    /// <summary>True of a format whose readers could overlook what its ending says: the reply itself breaks off behind it.</summary>
    protected virtual bool BreaksOff => false;

    protected abstract void WriteStart(IReadOnlyList<ResultColumn> columns);

    protected abstract void WriteRowStart();

    protected abstract void WriteRowEnd();

    protected abstract void WriteEnd(ResultEnding ending);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Write(byte value)
    {
        if (_length == _bytes.Length)
        {
            Grow(1);
        }
        _bytes[_length++] = value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Write(ReadOnlySpan<byte> bytes)
    {
        if (_bytes.Length - _length < bytes.Length)
        {
            Grow(bytes.Length);
        }
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    /// <summary>Writes bytes with a byte before and one behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void WriteBetween(byte first, ReadOnlySpan<byte> bytes, byte last)
    {
        if (_bytes.Length - _length < bytes.Length + 2)
        {
            Grow(bytes.Length + 2);
        }
        var target = _bytes.AsSpan(_length, bytes.Length + 2);
        target[0] = first;
        bytes.CopyTo(target[1..]);
        target[^1] = last;
        _length += target.Length;
    }

    /// <summary>
    /// Text that is UTF-8 by what the reply says of itself: a database in SQL_ASCII hands out any bytes, and those that are none become U+FFFD.
    /// </summary>
    protected static ReadOnlySpan<byte> ToUtf8(ReadOnlySpan<byte> bytes) =>
        Utf8.IsValid(bytes) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes));

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        if (!HasSent)
        {
            Opening.OnFirstSend();
            HasSent = true;
        }
        var length = _length;
        _length = 0; // whatever becomes of them: nothing is sent twice
        await output.SendAsync(_bytes.AsMemory(0, length), cancellationToken);
    }

    private void Grow(int needed)
    {
        var wanted = (long)_length + needed;
        if (wanted > Array.MaxLength)
        {
            throw new JobFailedException(JobFailureKind.Refused, "A row of the result is longer than 2 GB as it is written here; select less of it.");
        }
        var larger = RowBuffers.Take((int)wanted, _bytes.Length);
        _bytes.AsSpan(0, _length).CopyTo(larger);
        RowBuffers.Return(_bytes);
        _bytes = larger;
    }
}
