using System.Buffers;
using System.Globalization;
using System.Text;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// What the JSON formats share: how a value, the columns and an ending are written. Numbers keep every digit; <c>NaN</c> and
/// <c>Infinity</c>, which JSON has no numbers for, become strings.
/// </summary>
internal abstract class JsonTextWriter(IResultOutput output, ResultOpening opening) : TextResultWriter(output, opening)
{
    // What a string cannot hold as it is (RFC 8259, 7), and what must be looked at: bytes that may not be UTF-8.
    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (byte)code), (byte)'"', (byte)'\\']);
    private static readonly SearchValues<byte> Special = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x80, 0x80)).Select(code => (byte)code), (byte)'"', (byte)'\\']);

    private int _column;

    protected override void WriteRowStart() => _column = 0;

    public sealed override void WriteNull()
    {
        Separate();
        Write("null"u8);
    }

    public sealed override void WriteValue(ReadOnlySpan<byte> utf8)
    {
        var kind = Kinds[_column];
        Separate();
        switch (kind)
        {
            case ResultValueKind.Number when utf8 is [.., >= (byte)'0' and <= (byte)'9']:
                Write(utf8);
                break;
            case ResultValueKind.Boolean:
                Write(utf8[0] == 't' ? "true"u8 : "false"u8);
                break;
            case ResultValueKind.Json:
                WriteEmbedded(Utf8Text.Of(utf8));
                break;
            default:
                WriteString(utf8);
                break;
        }
    }

    /// <summary>A value that is JSON already.</summary>
    protected virtual void WriteEmbedded(ReadOnlySpan<byte> json) => Write(json);

    protected void WriteColumns(IReadOnlyList<ResultColumn> columns)
    {
        Write("\"columns\":["u8);
        for (var i = 0; i < columns.Count; i++)
        {
            Write(i == 0 ? "{\"name\":"u8 : ",{\"name\":"u8);
            WriteString(Encoding.UTF8.GetBytes(columns[i].Name));
            Write(",\"type\":"u8);
            WriteString(Encoding.UTF8.GetBytes(columns[i].Type));
            Write((byte)'}');
        }
        Write((byte)']');
    }

    /// <summary>The members of an ending, the most important ones last.</summary>
    protected void WriteEnding(ResultEnding ending)
    {
        if (ending.FinishedAt is { } finished)
        {
            WriteMember("finished_at", ApiJson.ToText(finished));
        }
        if (ending.UpdatedAt is { } updated)
        {
            WriteMember("updated_at", ApiJson.ToText(updated));
        }
        if (ending.ExpiresAt is { } expires)
        {
            WriteMember("expires_at", ApiJson.ToText(expires));
        }
        if (ending.RowsAffected is { } affected)
        {
            WriteName("rows_affected");
            WriteNumber(affected);
        }
        if (ending.TotalRows is { } total)
        {
            WriteName("total_rows");
            WriteNumber(total);
        }
        WriteName("row_count");
        WriteNumber(RowCount);
        WriteName("truncated");
        Write(ending.Truncated ? "true"u8 : "false"u8);
        WriteMember("status", ending.Status.ToName());
        if (ending.Failure is { } failure)
        {
            WriteMember("error", failure.Message);
            if (failure.SqlState is { } sqlState)
            {
                WriteMember("sqlstate", sqlState);
            }
        }
    }

    /// <summary>Members start with a comma unless they are the first of their object.</summary>
    protected bool IsFirstMember { get; set; } = true;

    private void WriteMember(string name, string value)
    {
        WriteName(name);
        WriteString(Encoding.UTF8.GetBytes(value));
    }

    private void WriteName(string name)
    {
        if (!IsFirstMember)
        {
            Write((byte)',');
        }
        IsFirstMember = false;
        WriteString(Encoding.UTF8.GetBytes(name));
        Write((byte)':');
    }

    private void WriteNumber(long number)
    {
        Span<byte> digits = stackalloc byte[20];
        number.TryFormat(digits, out var length, provider: CultureInfo.InvariantCulture);
        Write(digits[..length]);
    }

    private void Separate()
    {
        if (_column++ > 0)
        {
            Write((byte)',');
        }
    }

    private void WriteString(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IndexOfAny(Special) < 0)
        {
            WriteBetween((byte)'"', utf8, (byte)'"');
            return;
        }
        utf8 = Utf8Text.Of(utf8);
        Write((byte)'"');
        for (var special = utf8.IndexOfAny(Escaped); special >= 0; special = utf8.IndexOfAny(Escaped))
        {
            Write(utf8[..special]);
            WriteEscape(utf8[special]);
            utf8 = utf8[(special + 1)..];
        }
        Write(utf8);
        Write((byte)'"');
    }

    private void WriteEscape(byte character)
    {
        switch ((char)character)
        {
            case '"':
                Write("\\\""u8);
                break;
            case '\\':
                Write("\\\\"u8);
                break;
            case '\n':
                Write("\\n"u8);
                break;
            case '\r':
                Write("\\r"u8);
                break;
            case '\t':
                Write("\\t"u8);
                break;
            default:
                Write("\\u00"u8);
                Write((byte)(character < 0x10 ? '0' : '1'));
                Write("0123456789abcdef"u8[character & 0xF]);
                break;
        }
    }
}
