using System.Runtime.CompilerServices;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>Writes rows as text of some format, through one pooled buffer.</summary>
internal abstract class TextResultWriter(IResultOutput output, ResultOpening opening) : FormatWriter(output, opening)
{
    private const int InitialSize = 64 * 1024;
    private const int FlushThreshold = 32 * 1024; // bytes; a row that is longer makes the buffer grow

    private byte[] _bytes = RowBuffers.Take(InitialSize);
    private int _length;
    private int? _rowStart; // rows are sent when they are whole, so an open one is still in the buffer

    /// <summary>How the values of each column may be written down.</summary>
    protected ResultValueKind[] Kinds { get; private set; } = [];

    public sealed override ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        HasStarted = true;
        Kinds = [.. columns.Select(column => column.Kind)];
        WriteStart(columns);
        return ValueTask.CompletedTask;
    }

    public sealed override void StartRow()
    {
        _rowStart = _length;
        WriteRowStart();
    }

    public sealed override void EndRow()
    {
        WriteRowEnd();
        _rowStart = null;
        RowCount++;
    }

    public sealed override ValueTask FlushAsync(CancellationToken cancellationToken) =>
        _length < FlushThreshold ? ValueTask.CompletedTask : SendAsync(cancellationToken);

    public sealed override async ValueTask EndAsync(ResultEnding ending, CancellationToken cancellationToken)
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
            Abort();
        }
    }

    protected sealed override void Dispose(bool disposing)
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

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        var length = _length;
        _length = 0; // whatever becomes of them: nothing is sent twice
        await SendAsync(_bytes.AsMemory(0, length), cancellationToken);
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
