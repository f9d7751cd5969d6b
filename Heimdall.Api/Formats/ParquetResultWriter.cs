using Apache.Arrow;
using Heimdall.Core.Plugins;
using ParquetSharp;
using ParquetSharp.Arrow;

namespace Heimdall.Api.Formats;

/// <summary>
/// Parquet: https://parquet.apache.org/docs/file-format/. Rows are gathered into row groups and packed with zstd. What
/// is in a file is known from its last bytes, so a reply that breaks off is no file.
/// </summary>
internal sealed class ParquetResultWriter(IResultOutput output, ResultOpening opening) : BatchResultWriter(output, opening)
{
    /// <summary>Bytes of values. The encoded row group is held in memory until it is complete.</summary>
    private const int GroupBytes = 16 * 1024 * 1024;

    private FileWriter? _writer;
    private long _bytesOfGroup;

    protected override string FormatName => "Parquet";

    protected override void Check(IReadOnlyList<ResultColumn> columns)
    {
        if (columns.Count == 0)
        {
            throw new JobFailedException(
                JobFailureKind.Refused, "A Parquet file has columns, and this result has none. Ask for JSON.");
        }
    }

    protected override void WriteBatch(RecordBatch batch, long bytes)
    {
        var writer = Find(batch.Schema);
        if (_bytesOfGroup == 0 || _bytesOfGroup + bytes > GroupBytes)
        {
            writer.NewBufferedRowGroup(); // completes the one before
            _bytesOfGroup = 0;
        }
        writer.WriteBufferedRecordBatch(batch);
        _bytesOfGroup += bytes;
    }

    protected override void WriteEnd(Schema schema) => Find(schema).Close();

    protected override void Dispose(bool disposing)
    {
        _writer?.Dispose();
        base.Dispose(disposing);
    }

    private FileWriter Find(Schema schema)
    {
        if (_writer is null)
        {
            using var builder = new WriterPropertiesBuilder();
            using var properties = builder.Compression(ParquetSharp.Compression.Zstd).CompressionLevel(1)
                .CreatedBy("Heimdall").Build();
            using var types = new ArrowWriterPropertiesBuilder();
            using var typeProperties = types.StoreSchema().Build();
            _writer = new FileWriter(Buffer, schema, properties, typeProperties, leaveOpen: true);
        }
        return _writer;
    }
}
