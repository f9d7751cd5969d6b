using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// One JSON document (RFC 8259): what <see cref="ResultOpening.Members"/> says, <c>result: {columns: [{name, type}], data: [[…]]}</c>, and last
/// how it ended. A document that ends before <c>status</c> is broken, and no JSON either.
/// </summary>
internal sealed class JsonResultWriter(IResultOutput output, ResultOpening opening) : JsonTextWriter(output, opening)
{
    protected override void WriteStart(IReadOnlyList<ResultColumn> columns)
    {
        Write((byte)'{');
        var head = Opening.Members();
        if (head.Length > 0)
        {
            Write(head);
            Write((byte)',');
        }
        Write(Opening.IsNested ? "\"result\":{"u8 : default);
        WriteColumns(columns);
        Write(",\"data\":["u8);
    }

    protected override void WriteRowStart()
    {
        base.WriteRowStart();
        Write(RowCount == 0 ? "["u8 : ",["u8);
    }

    protected override void WriteRowEnd() => Write((byte)']');

    protected override void WriteEnd(ResultEnding ending)
    {
        Write(Opening.IsNested ? "]}"u8 : "]"u8);
        IsFirstMember = false;
        WriteEnding(ending);
        Write((byte)'}');
    }
}
