using System.Buffers;
using System.IO.Pipelines;
using System.Text.Encodings.Web;
using System.Text.Json;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>
/// Writes <c>"columns":[{"name","type"}],"data":[[…]]</c> into a JSON document as the rows come. Numbers keep every digit;
/// <c>NaN</c> and <c>Infinity</c>, which JSON has no numbers for, become strings. What surrounds these members is the
/// caller's to write, through <see cref="Json"/>. A row that a failure left unfinished is taken back: <c>data</c> holds whole
/// rows only.
/// </summary>
public sealed class JsonResultWriter : IResultWriter, IAsyncDisposable
{
    private const int FlushThreshold = 32 * 1024; // bytes; small enough that a buffer is no large object

    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // the reply says application/json; it is no HTML
        SkipValidation = true,
    };

    private readonly PipeWriter _output;
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private IReadOnlyList<ResultColumn> _columns = [];
    private int _column;
    private int? _rowStart; // where in the buffer the open row begins; rows are sent when they are whole, so it is still there

    public JsonResultWriter(PipeWriter output)
    {
        _output = output;
        Json = new Utf8JsonWriter(_buffer, Options);
    }

    public Utf8JsonWriter Json { get; }

    /// <summary>True once the columns are written.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>True once the reader may have seen something: from then on a failure can only be told at the document's end.</summary>
    public bool HasSent { get; private set; }

    /// <summary>How many whole rows are written.</summary>
    public long RowCount { get; private set; }

    /// <summary>Writes what comes before the columns: the opening brace at least.</summary>
    public required Action<Utf8JsonWriter> Head { get; init; }

    public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        _columns = columns;
        HasStarted = true;
        Head(Json);
        Json.WriteStartArray("columns");
        foreach (var column in columns)
        {
            Json.WriteStartObject();
            Json.WriteString("name", column.Name);
            Json.WriteString("type", column.Type);
            Json.WriteEndObject();
        }
        Json.WriteEndArray();
        Json.WriteStartArray("data");
        return ValueTask.CompletedTask;
    }

    public void StartRow()
    {
        _column = 0;
        _rowStart = _buffer.WrittenCount + Json.BytesPending;
        Json.WriteStartArray();
    }

    public void WriteNull()
    {
        _column++;
        Json.WriteNullValue();
    }

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        switch (_columns[_column++].Kind)
        {
            case ResultValueKind.Number when utf8[^1] is >= (byte)'0' and <= (byte)'9':
            case ResultValueKind.Json:
                Json.WriteRawValue(utf8, skipInputValidation: true);
                break;
            case ResultValueKind.Boolean:
                Json.WriteBooleanValue(utf8[0] == 't');
                break;
            default:
                Json.WriteStringValue(utf8);
                break;
        }
    }

    public void EndRow()
    {
        Json.WriteEndArray();
        _rowStart = null;
        RowCount++;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) =>
        Json.BytesPending + _buffer.WrittenCount < FlushThreshold ? ValueTask.CompletedTask : SendAsync(cancellationToken);

    /// <summary>Ends the rows; an empty result begins and ends here.</summary>
    public async ValueTask EndRowsAsync(CancellationToken cancellationToken)
    {
        if (!HasStarted)
        {
            await StartAsync([], cancellationToken);
        }
        TakeBackOpenRow();
        Json.WriteEndArray();
    }

    /// <summary>Passes on everything written so far.</summary>
    public async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        await Json.FlushAsync(cancellationToken);
        HasSent = true;
        var flushed = await _output.WriteAsync(_buffer.WrittenMemory, cancellationToken);
        _buffer.ResetWrittenCount();
        if (flushed.IsCompleted)
        {
            throw new OperationCanceledException("The reader of the result is gone.");
        }
    }

    private void TakeBackOpenRow()
    {
        if (_rowStart is not { } start)
        {
            return;
        }
        Json.WriteEndArray(); // for the writer's own count of what is open
        Json.Flush();
        var whole = _buffer.WrittenSpan[..start].ToArray();
        _buffer.ResetWrittenCount();
        _buffer.Write(whole);
        _rowStart = null;
    }

    public ValueTask DisposeAsync() => Json.DisposeAsync();
}
