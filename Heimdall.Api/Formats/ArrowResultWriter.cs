using Apache.Arrow;
using Apache.Arrow.Ipc;

namespace Heimdall.Api.Formats;

/// <summary>
/// Arrow's streaming format: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format. A stream that is
/// the whole has a mark at its end.
/// </summary>
internal sealed class ArrowResultWriter(IResultOutput output, ResultOpening opening) : BatchResultWriter(output, opening)
{
    private ArrowStreamWriter? _writer;

    protected override string FormatName => "Arrow";

    protected override void WriteBatch(RecordBatch batch, long bytes) => Find(batch.Schema).WriteRecordBatch(batch);

    protected override void WriteEnd(Schema schema)
    {
        var writer = Find(schema);
        writer.WriteStart();
        writer.WriteEnd();
    }

    protected override void Dispose(bool disposing)
    {
        _writer?.Dispose();
        base.Dispose(disposing);
    }

    private ArrowStreamWriter Find(Schema schema) => _writer ??= new ArrowStreamWriter(Buffer, schema, leaveOpen: true);
}
