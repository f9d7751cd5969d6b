using System.Globalization;
using Apache.Arrow;
using Heimdall.Api.Formats.Columns;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// Writes rows in batches of columns. Such formats have no place behind the rows that says how the result ended: a reply
/// that is not the whole breaks off, unless its beginning has said that a limit has cut it.
/// </summary>
internal abstract class BatchResultWriter(IResultOutput output, ResultOpening opening) : FormatWriter(output, opening)
{
    /// <summary>Whether a limit has cut the result, where that is known before it is sent.</summary>
    public const string TruncatedKey = "heimdall:truncated";

    private const int BatchBytes = 1024 * 1024; // of values; the last row may lie across it
    private const int BatchRows = 64 * 1024;

    private IReadOnlyList<ResultColumn> _described = [];
    private Field[] _fields = [];
    private ArrowColumn[] _columns = [];
    private Schema? _schema;
    private int _column;
    private int _rows; // of the batch
    private bool? _isTruncated = opening.IsTruncated;

    protected SendBuffer Buffer { get; } = new();

    public sealed override ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        Check(columns);
        HasStarted = true;
        var created = columns.Select(ArrowColumns.Create).ToArray();
        _described = columns;
        _fields = [.. created.Select(column => column.Field)];
        _columns = [.. created.Select(column => column.Column)];
        return ValueTask.CompletedTask;
    }

    public sealed override void StartRow() => _column = 0;

    public sealed override void WriteNull() => _columns[_column++].AddNull();

    public sealed override void WriteValue(ReadOnlySpan<byte> utf8)
    {
        if (!_columns[_column].TryAdd(utf8))
        {
            throw Unfit(_described[_column], _columns[_column]);
        }
        _column++;
    }

    public sealed override void EndRow()
    {
        _rows++;
        RowCount++;
    }

    public sealed override ValueTask FlushAsync(CancellationToken cancellationToken) =>
        _rows < BatchRows && !IsLarge() ? ValueTask.CompletedTask : SendBatchAsync(cancellationToken);

    public sealed override async ValueTask EndAsync(ResultEnding ending, CancellationToken cancellationToken)
    {
        if (!HasStarted)
        {
            await StartAsync([], cancellationToken);
        }
        if (ending.Status != JobStatus.Succeeded && !ending.IsPartial)
        {
            Abort();
            return;
        }
        if (!HasSent)
        {
            _isTruncated = ending.Truncated;
        }
        if (_rows > 0)
        {
            await SendBatchAsync(cancellationToken);
        }
        if (ending.Truncated && _isTruncated != true)
        {
            Abort();
            return;
        }
        WriteEnd(FindSchema());
        await SendAsync(Buffer.Take(), cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var column in _columns)
        {
            column.Dispose();
        }
        Buffer.Dispose();
    }

    /// <summary>How the format names itself to a reader.</summary>
    protected abstract string FormatName { get; }

    /// <exception cref="JobFailedException">The format has no place for these columns.</exception>
    protected virtual void Check(IReadOnlyList<ResultColumn> columns)
    {
    }

    /// <summary>Writes rows into the buffer, as much of them as the format does not gather itself.</summary>
    /// <param name="batch">Their arrays are of no use afterwards.</param>
    /// <param name="bytes">Of their values.</param>
    protected abstract void WriteBatch(RecordBatch batch, long bytes);

    protected abstract void WriteEnd(Schema schema);

    private bool IsLarge()
    {
        long bytes = 0;
        foreach (var column in _columns)
        {
            bytes += column.Bytes;
        }
        return bytes >= BatchBytes;
    }

    private Schema FindSchema()
    {
        var metadata = new Dictionary<string, string>();
        if (_isTruncated is { } truncated)
        {
            metadata[TruncatedKey] = truncated ? "true" : "false";
        }
        return _schema ??= new Schema(_fields, metadata);
    }

    private async ValueTask SendBatchAsync(CancellationToken cancellationToken)
    {
        var arrays = _columns.Select(column => ArrowArrayFactory.BuildArray(column.ToData()));
        WriteBatch(new RecordBatch(FindSchema(), arrays, _rows), _columns.Sum(column => (long)column.Bytes));
        foreach (var column in _columns)
        {
            column.Clear();
        }
        _rows = 0;
        if (Buffer.Take() is { IsEmpty: false } bytes)
        {
            await SendAsync(bytes, cancellationToken);
        }
    }

    private JobFailedException Unfit(ResultColumn column, ArrowColumn values) => new(
        JobFailureKind.Refused,
        string.Create(
            CultureInfo.InvariantCulture,
            $"Row {RowCount + 1} has a value of column '{column.Name}' ({column.Type}) that {FormatName}'s type "
            + $"{values.Type.Name} cannot hold. Select the column as text, or ask for JSON, NDJSON or CSV."));
}
