using System.Buffers;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// A JSON text a line (https://github.com/ndjson/ndjson-spec): first an object with the columns, then each row as an array, last an object that
/// says how it ended. So rows are told from what is none by their bracket, and a result without its last line is broken.
/// </summary>
internal sealed class NdjsonResultWriter(IResultOutput output, ResultOpening opening) : JsonTextWriter(output, opening)
{
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);

    protected override void WriteStart(IReadOnlyList<ResultColumn> columns)
    {
        Write((byte)'{');
        var head = Opening.Members();
        if (head.Length > 0)
        {
            Write(head);
            Write((byte)',');
        }
        WriteColumns(columns);
        Write("}\n"u8);
    }

    protected override void WriteRowStart()
    {
        base.WriteRowStart();
        Write((byte)'[');
    }

    protected override void WriteRowEnd() => Write("]\n"u8);

    protected override void WriteEnd(ResultEnding ending)
    {
        Write((byte)'{');
        WriteEnding(ending);
        Write("}\n"u8);
    }

    /// <summary>A value of type json may span lines, but only between its tokens: there a blank says the same.</summary>
    protected override void WriteEmbedded(ReadOnlySpan<byte> json)
    {
        for (var end = json.IndexOfAny(LineEnds); end >= 0; end = json.IndexOfAny(LineEnds))
        {
            Write(json[..end]);
            Write((byte)' ');
            json = json[(end + 1)..];
        }
        Write(json);
    }
}
