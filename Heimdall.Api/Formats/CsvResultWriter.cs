using System.Buffers;
using System.Text;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// CSV (RFC 4180), as PostgreSQL itself writes and reads it: NULL is nothing, an empty string is <c>""</c>. CSV has no place to
/// say how a result ended; so one that is not the whole ends in a line with a quote that is never closed, and the reply of one that failed breaks off.
/// </summary>
internal sealed class CsvResultWriter(IResultOutput output, ResultOpening opening, bool hasHeader) : TextResultWriter(output, opening)
{
    private static readonly SearchValues<byte> Quoted = SearchValues.Create("\",\r\n"u8);
    private static readonly SearchValues<byte> Special = SearchValues.Create(
        [.. Enumerable.Range(0x80, 0x80).Select(code => (byte)code), .. "\",\r\n"u8]);

    private int _column;

    protected override bool BreaksOff => true;

    public override void WriteNull() => Separate();

    public override void WriteValue(ReadOnlySpan<byte> utf8)
    {
        Separate();
        if (utf8.Length > 2 && utf8.IndexOfAny(Special) < 0)
        {
            Write(utf8);
            return;
        }
        WriteCarefully(utf8);
    }

    protected override void WriteStart(IReadOnlyList<ResultColumn> columns)
    {
        if (!hasHeader)
        {
            return;
        }
        WriteRowStart();
        foreach (var column in columns)
        {
            WriteValue(Encoding.UTF8.GetBytes(column.Name));
        }
        WriteRowEnd();
    }

    protected override void WriteRowStart() => _column = 0;

    protected override void WriteRowEnd() => Write("\r\n"u8);

    protected override void WriteEnd(ResultEnding ending)
    {
        if (ending.Failure is { } failure)
        {
            WriteOpenQuote($"heimdall: {ending.Status.ToName()} after {RowCount} rows: {(failure.SqlState is { } state ? $"{state} " : "")}{failure.Message}");
        }
        else if (ending.Status != JobStatus.Succeeded && !ending.IsPartial)
        {
            WriteOpenQuote($"heimdall: {ending.Status.ToName()} after {RowCount} rows");
        }
        else if (ending.Truncated)
        {
            WriteOpenQuote($"heimdall: TRUNCATED by a limit after {ending.TotalRows ?? RowCount} rows");
        }
    }

    private void Separate()
    {
        if (_column++ > 0)
        {
            Write((byte)',');
        }
    }

    private void WriteCarefully(ReadOnlySpan<byte> utf8)
    {
        utf8 = Utf8Text.Of(utf8);

        // A line of its own with \. would end the data for PostgreSQL's COPY.
        if (utf8.Length > 0 && utf8.IndexOfAny(Quoted) < 0 && !utf8.SequenceEqual("\\."u8))
        {
            Write(utf8);
            return;
        }
        Write((byte)'"');
        WriteDoubled(utf8);
        Write((byte)'"');
    }

    private void WriteDoubled(ReadOnlySpan<byte> utf8)
    {
        for (var quote = utf8.IndexOf((byte)'"'); quote >= 0; quote = utf8.IndexOf((byte)'"'))
        {
            Write(utf8[..(quote + 1)]);
            Write((byte)'"');
            utf8 = utf8[(quote + 1)..];
        }
        Write(utf8);
    }

    private void WriteOpenQuote(string text)
    {
        Write((byte)'"');
        WriteDoubled(Encoding.UTF8.GetBytes(text));
        Write("\r\n"u8);
    }
}
