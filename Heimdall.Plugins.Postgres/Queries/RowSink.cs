using System.Text.Unicode;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Protocol;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>Hands rows from the server's messages to the writer, as many as the limits allow.</summary>
/// <param name="results">Takes the rows.</param>
/// <param name="rowLimit">Rows after which the result is cut; null for no limit.</param>
/// <param name="byteLimit">Bytes of values after which the result is cut; null for no limit.</param>
/// <param name="longestRow">Bytes that the values of a row may have; a longer one cannot be handed over.</param>
/// <param name="checksText">
/// Whether the server sends UTF-8 unless a function has changed the encoding meanwhile. Lines of COPY are not checked:
/// they have one encoding from the first to the last.
/// </param>
internal sealed class RowSink(
    IResultWriter results, long? rowLimit, long? byteLimit, long longestRow, bool checksText)
{
    private const int ShortestRfc3339 = 22; // 2024-01-02 03:04:05+00
    private const int LongestTime = 64;

    private readonly long _rowLimit = rowLimit ?? long.MaxValue;
    private readonly long _byteLimit = byteLimit ?? long.MaxValue;
    private bool[] _isTime = [];
    private bool[] _isByte = [];
    private long _bytes;

    public bool HasStarted { get; private set; }

    public long Rows { get; private set; }

    /// <summary>True once a limit has left a row out; all further ones are left out too.</summary>
    public bool IsCut { get; private set; }

    /// <summary>True once a row was left out because it is longer than a row may be.</summary>
    public bool IsTooLong { get; private set; }

    /// <summary>True once a row was left out because a value of it is no UTF-8.</summary>
    public bool IsGarbled { get; private set; }

    /// <summary>True to leave out whatever comes: nobody wants it any more.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Longest message whose row can still be delivered; longer ones are skipped unread.</summary>
    public long LongestRow => IsClosed || IsCut
        ? 0
        : Math.Min(int.MaxValue, Math.Min(_byteLimit - _bytes, Math.Min(longestRow, int.MaxValue)) + Frame);

    // Behind the count of columns, each value has its length before it.
    private int Frame => 2 + (4 * _isTime.Length);

    /// <param name="columns">As the writer shall have them.</param>
    /// <param name="types">OIDs of their types.</param>
    /// <param name="cancellationToken">Ends the wait for the reader of the rows.</param>
    public ValueTask StartAsync(
        IReadOnlyList<ResultColumn> columns, IReadOnlyCollection<uint> types, CancellationToken cancellationToken)
    {
        HasStarted = true;
        _isTime = [.. types.Select(type => type == ColumnTypes.TimestampTz)];
        _isByte = [.. types.Select(type => type is ColumnTypes.Char or ColumnTypes.CharArray)];
        return results.StartAsync(columns, cancellationToken);
    }

    /// <param name="body">Of a DataRow message; empty of one that was longer than <see cref="LongestRow"/>.</param>
    /// <param name="cancellationToken">Ends the wait for the reader of the rows.</param>
    public ValueTask AddRowAsync(ReadOnlySpan<byte> body, CancellationToken cancellationToken)
    {
        IsGarbled |= checksText && !IsClosed && !IsText(body);
        if (IsGarbled || !Takes(body.IsEmpty ? long.MaxValue : body.Length - Frame))
        {
            return ValueTask.CompletedTask;
        }

        results.StartRow();
        var row = new MessageBody(body);
        if (row.ReadUInt16() != _isTime.Length)
        {
            throw new InvalidDataException("The server sent a row that has not the columns it described.");
        }

        foreach (var isTime in _isTime)
        {
            var length = row.ReadInt32();
            if (length < 0)
            {
                results.WriteNull();
            }
            else if (isTime)
            {
                WriteTime(row.ReadBytes(length));
            }
            else
            {
                results.WriteValue(row.ReadBytes(length));
            }
        }

        return EndRowAsync(cancellationToken);
    }

    /// <param name="line">Of a CopyData message: one row, with the end of its line. Empty of one that was longer than
    /// <see cref="LongestRow"/>.</param>
    /// <param name="cancellationToken">Ends the wait for the reader of the rows.</param>
    public ValueTask AddLineAsync(ReadOnlySpan<byte> line, CancellationToken cancellationToken)
    {
        var isLeftOut = line.IsEmpty;
        line = line.EndsWith("\r\n"u8) ? line[..^2] : line.EndsWith("\n"u8) ? line[..^1] : line;
        if (!Takes(isLeftOut ? long.MaxValue : line.Length))
        {
            return ValueTask.CompletedTask;
        }

        results.StartRow();
        results.WriteValue(line);
        return EndRowAsync(cancellationToken);
    }

    private bool IsText(ReadOnlySpan<byte> body)
    {
        var row = new MessageBody(body);
        var count = body.IsEmpty ? 0 : row.ReadUInt16();
        for (var column = 0; column < count; column++)
        {
            // Up to PostgreSQL 15 a "char" above 127 is sent as it is, and is no text in any encoding.
            if (row.ReadInt32() is > 0 and var length && !Utf8.IsValid(row.ReadBytes(length))
                && !(column < _isByte.Length && _isByte[column]))
            {
                return false;
            }
        }

        return true;
    }

    private bool Takes(long bytes)
    {
        if (IsClosed || IsCut)
        {
            return false;
        }

        // A limit that the caller has set, and that this row would break too, comes first.
        var left = _byteLimit - _bytes;
        IsCut = Rows == _rowLimit || results.IsFull || (bytes > left && left <= longestRow);
        IsTooLong = !IsCut && bytes > longestRow;
        if (IsCut || IsTooLong)
        {
            return false;
        }

        _bytes += bytes;
        return true;
    }

    private ValueTask EndRowAsync(CancellationToken cancellationToken)
    {
        results.EndRow();
        Rows++;
        return results.FlushAsync(cancellationToken);
    }

    // A function can change DateStyle on its way, and a time zone may have any abbreviation.
    private static bool IsIsoDate(ReadOnlySpan<byte> text) =>
        text is [_, _, _, _, (byte)'-', _, _, (byte)'-', _, _, (byte)' ']
        && text[..4].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;

    /// <summary>As RFC 3339 has it; what that cannot say (infinity, BC, years of five digits) stays as it is.</summary>
    private void WriteTime(ReadOnlySpan<byte> text)
    {
        if (text.Length is < ShortestRfc3339 or > LongestTime || !IsIsoDate(text[..11]) || !text.EndsWith("+00"u8))
        {
            results.WriteValue(text);
            return;
        }

        Span<byte> time = stackalloc byte[LongestTime];
        text.CopyTo(time);
        time[10] = (byte)'T';
        time[text.Length - 3] = (byte)'Z';
        results.WriteValue(time[..(text.Length - 2)]);
    }
}
