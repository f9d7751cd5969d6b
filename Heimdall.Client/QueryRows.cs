using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Numerics;
using System.Text.Json;

namespace Heimdall.Client;

/// <summary>A column of a result.</summary>
/// <param name="Name">Its name. Two columns may have the same.</param>
/// <param name="Type">The type as PostgreSQL names it, such as <c>int8</c>.</param>
public sealed record HeimdallColumn(string Name, string Type)
{
    internal static HeimdallColumn Read(JsonElement column) =>
        new(column.GetProperty("name").GetString()!, column.GetProperty("type").GetString()!);
}

/// <summary>
/// The rows of a query, read from the connection as they are asked for. They can be read once. To dispose it before the
/// end closes the connection, and that cancels an inline query.
/// </summary>
public sealed class QueryRows : IAsyncEnumerable<HeimdallRow>, IAsyncDisposable
{
    private readonly Uri _address;
    private readonly FollowingReplies? _following;
    private readonly CancellationToken _cancellationToken;
    private HttpResponseMessage _response;
    private PipeReader _lines;
    private long _rowsBefore; // in the replies before this one
    private bool _isRead;

    private QueryRows(
        Uri address, HttpResponseMessage response, PipeReader lines, FollowingReplies? following,
        CancellationToken cancellationToken)
    {
        (_address, _response, _lines, _following) = (address, response, lines, following);
        _cancellationToken = cancellationToken;
        var isNamed = response.Headers.TryGetValues("Heimdall-Job-Id", out var ids);
        JobId = isNamed && Guid.TryParse(ids!.First(), out var id) ? id : null;
    }

    public IReadOnlyList<HeimdallColumn> Columns { get; private set; } = [];

    public Guid? JobId { get; }

    /// <summary>How many rows were read so far.</summary>
    public long RowCount { get; private set; }

    /// <summary>
    /// How many rows a statement without columns has changed. Null until the last row was read, and where there is no
    /// such number.
    /// </summary>
    public long? RowsAffected { get; private set; }

    /// <summary>Whether a limit has cut the rows. Null until the last one was read.</summary>
    public bool? IsTruncated { get; private set; }

    /// <param name="address">Whose.</param>
    /// <param name="response">The reply, or the first of several with the rows of one result.</param>
    /// <param name="following">The other ones; null: there are none.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    internal static async Task<QueryRows> OpenAsync(
        Uri address, HttpResponseMessage response, FollowingReplies? following, CancellationToken cancellationToken)
    {
        try
        {
            var lines = await ToLinesAsync(address, response, cancellationToken);
            var rows = new QueryRows(address, response, lines, following, cancellationToken);
            rows.Columns = await rows.ReadHeadAsync(cancellationToken);
            return rows;
        }
        catch (Exception e)
        {
            response.Dispose();
            if (e is InvalidOperationException or KeyNotFoundException)
            {
                throw HeimdallException.Foreign(address, response.StatusCode, e);
            }
            throw;
        }
    }

    /// <exception cref="HeimdallException">The query failed after its first rows, or the reply broke off.</exception>
    public async IAsyncEnumerator<HeimdallRow> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (_isRead)
        {
            throw new InvalidOperationException("The rows of a query can be read once.");
        }
        _isRead = true;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_cancellationToken, cancellationToken);
        while (true)
        {
            var line = await ReadLineAsync(either.Token) ?? throw BrokenOff();
            if (line.ValueKind != JsonValueKind.Array)
            {
                ReadEnd(line);
                if (_following is not null && await OpenNextAsync(_following, either.Token))
                {
                    continue;
                }
                yield break;
            }
            RowCount++;
            yield return new HeimdallRow(Columns, [.. line.EnumerateArray()]);
        }
    }

    public ValueTask DisposeAsync()
    {
        _response.Dispose();
        return _following?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    private static async Task<PipeReader> ToLinesAsync(
        Uri address, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/x-ndjson")
        {
            throw HeimdallException.Foreign(address, response.StatusCode);
        }
        var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        return PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 64 * 1024));
    }

    private async Task<IReadOnlyList<HeimdallColumn>> ReadHeadAsync(CancellationToken cancellationToken)
    {
        var head = await ReadLineAsync(cancellationToken);
        return head is { ValueKind: JsonValueKind.Object }
            ? [.. head.Value.GetProperty("columns").EnumerateArray().Select(HeimdallColumn.Read)]
            : throw BrokenOff();
    }

    /// <summary>Opens the next reply, if there is one.</summary>
    private async Task<bool> OpenNextAsync(FollowingReplies following, CancellationToken cancellationToken)
    {
        if (await following.NextAsync(cancellationToken) is not { } next)
        {
            return false;
        }
        _response.Dispose();
        (_response, _rowsBefore, IsTruncated, RowsAffected) = (next, RowCount, null, null);
        _lines = await ToLinesAsync(_address, next, cancellationToken);
        try
        {
            if (!Columns.SequenceEqual(await ReadHeadAsync(cancellationToken)))
            {
                throw BrokenOff();
            }
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException)
        {
            throw BrokenOff(e);
        }
    }

    private void ReadEnd(JsonElement ending)
    {
        try
        {
            End(ending);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw BrokenOff(e); // an end that Heimdall does not write
        }
    }

    private void End(JsonElement ending)
    {
        var status = ending.TryGetProperty("status", out var value) ? value.GetString() : null;
        if (status != "SUCCEEDED")
        {
            var error = ending.TryGetProperty("error", out var message)
                ? message.GetString()
                : $"The query ended {status ?? "without a status"}.";
            throw new HeimdallException($"{error} ({RowCount} rows had been sent.)")
            {
                Type = status == "CANCELED" ? "canceled" : "job-failed",
                Status = status == "KILLED" ? 504 : 200,
                Sqlstate = ending.TryGetProperty("sqlstate", out var sqlstate) ? sqlstate.GetString() : null,
                JobId = JobId,
                MayHaveTakenEffect = true,
            };
        }
        if (ending.GetProperty("row_count").GetInt64() != RowCount - _rowsBefore)
        {
            throw BrokenOff();
        }
        if (ending.TryGetProperty("rows_affected", out var affected) && affected.ValueKind == JsonValueKind.Number)
        {
            RowsAffected = affected.GetInt64();
        }
        IsTruncated = ending.GetProperty("truncated").GetBoolean();
    }

    /// <summary>The next line; null at the end of the reply. A line without an end is none.</summary>
    private async ValueTask<JsonElement?> ReadLineAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var read = await _lines.ReadAsync(cancellationToken);
                var buffer = read.Buffer;
                if (buffer.PositionOf((byte)'\n') is { } end)
                {
                    var line = Parse(buffer.Slice(0, end));
                    _lines.AdvanceTo(buffer.GetPosition(1, end));
                    return line;
                }
                _lines.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                {
                    return null;
                }
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException or JsonException)
        {
            throw BrokenOff(e);
        }
    }

    private static JsonElement Parse(ReadOnlySequence<byte> line)
    {
        // Values of type json are of any depth.
        var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = int.MaxValue });
        return JsonElement.ParseValue(ref reader);
    }

    private HeimdallException BrokenOff(Exception? cause = null) =>
        new($"The reply broke off after {RowCount} rows; they are not the whole result.", cause)
        {
            JobId = JobId,
            IsUnreachable = true,
            MayHaveTakenEffect = true,
        };
}

/// <summary>
/// A row. A value is read as it is, or not at all: a number that a type cannot hold is an exception, never rounded.
/// </summary>
public sealed class HeimdallRow
{
    private readonly IReadOnlyList<HeimdallColumn> _columns;
    private readonly JsonElement[] _values;

    internal HeimdallRow(IReadOnlyList<HeimdallColumn> columns, JsonElement[] values)
    {
        if (columns.Count != values.Length)
        {
            throw new HeimdallException($"A row has {values.Length} values for {columns.Count} columns.");
        }
        (_columns, _values) = (columns, values);
    }

    public int Count => _values.Length;

    /// <summary>The value as JSON; a number has every digit in its raw text.</summary>
    public JsonElement this[int column] => _values[column];

    public JsonElement this[string column] => _values[IndexOf(column)];

    /// <summary>The first column of a name.</summary>
    public int IndexOf(string column)
    {
        for (var i = 0; i < _columns.Count; i++)
        {
            if (_columns[i].Name == column)
            {
                return i;
            }
        }
        var known = string.Join(", ", _columns.Select(one => one.Name));
        throw new ArgumentException($"There is no column '{column}'; there are {known}.", nameof(column));
    }

    public bool IsNull(int column) => _values[column].ValueKind == JsonValueKind.Null;

    /// <summary>
    /// Any value as text: a number with every digit, JSON as JSON; null for NULL, and for the <c>null</c> of JSON.
    /// </summary>
    public string? GetText(int column) => _values[column] switch
    {
        { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.String } value when _columns[column].Type is not ("json" or "jsonb") =>
            value.GetString(),
        var value => value.GetRawText(),
    };

    public bool GetBoolean(int column) => _values[column].ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Not(column, "bool"),
    };

    /// <exception cref="OverflowException">It is too large, or has a fraction.</exception>
    public long GetInt64(int column) => (long)Number(column).ToBigInteger();

    /// <exception cref="OverflowException">It has a fraction.</exception>
    public BigInteger GetBigInteger(int column) => Number(column).ToBigInteger();

    /// <exception cref="OverflowException">It is too large, or has more digits than a decimal.</exception>
    public decimal GetDecimal(int column) => Number(column).ToDecimal();

    /// <summary>A <c>float4</c> or <c>float8</c>, also <c>NaN</c> and infinities. Others would be rounded.</summary>
    public double GetDouble(int column) => _columns[column].Type is "float4" or "float8" && GetText(column) is { } text
        ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)
        : throw Not(column, "float4 or float8");

    private ExactNumber Number(int column) => _values[column].ValueKind is JsonValueKind.Number or JsonValueKind.String
        ? ExactNumber.Parse(GetText(column)!)
        : throw Not(column, "number");

    private InvalidCastException Not(int column, string type) => new(
        $"Column '{_columns[column].Name}' of type {_columns[column].Type} is "
        + $"{(IsNull(column) ? "NULL here" : $"no {type}")}: ask IsNull, or read it by GetText.");
}
