using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Heimdall.Client;

/// <summary>How a stored result is read in chunks side by side.</summary>
public sealed record HeimdallChunks
{
    /// <summary>How many are read at once: 1 to 64. Default: 4.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>
    /// Bytes of a chunk at most. In memory are the chunks that are read at once, and the one whose rows are taken.
    /// Default: 16 MiB.
    /// </summary>
    public long MaxBytes { get; init; } = 16 * 1024 * 1024;
}

/// <summary>Reads the chunks of a stored result side by side, and hands them out in their order.</summary>
internal sealed class ResultChunks
{
    private const long StandardRows = 100_000;

    private readonly HeimdallConnection _connection;
    private readonly Guid _id;
    private readonly HeimdallChunks _options;

    public ResultChunks(HeimdallConnection connection, Guid id, HeimdallChunks options)
    {
        if (options.Parallel is < 1 or > 64)
        {
            throw new ArgumentException("1 to 64 chunks can be read at once.", nameof(options));
        }
        if (options.MaxBytes < 1)
        {
            throw new ArgumentException("A chunk has at least one byte.", nameof(options));
        }
        (_connection, _id, _options) = (connection, id, options);
    }

    public async Task<QueryRows> OpenAsync(CancellationToken cancellationToken)
    {
        var (rows, chunks) = await ListAsync(cancellationToken);
        var replies = new FollowingReplies(stop => ReadAllAsync(rows, chunks, stop), cancellationToken);
        try
        {
            var first = await replies.NextAsync(cancellationToken) ?? throw Foreign();
            return await QueryRows.OpenAsync(_connection.Address, first, replies, cancellationToken);
        }
        catch
        {
            await replies.DisposeAsync();
            throw;
        }
    }

    /// <summary>The chunks, of so many rows that none is too long.</summary>
    private async Task<(long Rows, IReadOnlyList<ListedChunk> Chunks)> ListAsync(CancellationToken cancellationToken)
    {
        for (var rows = StandardRows; ;)
        {
            var chunks = await ListAsync(rows, cancellationToken);
            var longest = chunks.Max(chunk => chunk.Bytes);
            if (longest <= _options.MaxBytes)
            {
                return (rows, chunks);
            }
            if (rows == 1)
            {
                throw TooLong();
            }
            // A little fewer than on the average: rows differ in their length.
            var most = Math.Min(rows, chunks.Max(chunk => chunk.Rows));
            rows = Math.Max(1, (long)(most * 0.8 * _options.MaxBytes / longest));
        }
    }

    private async Task<IReadOnlyList<ListedChunk>> ListAsync(long rows, CancellationToken cancellationToken)
    {
        var request = new ApiRequest(HttpMethod.Get, $"job/{_id}/result/chunks?format=ndjson&rows={rows}")
        {
            Timeout = Timeout.InfiniteTimeSpan, // all rows are written once for it
        };
        JsonElement list;
        try
        {
            list = await _connection.ReadAsync(request, cancellationToken);
        }
        catch (HeimdallException e) when (rows < StandardRows && e.Type == "invalid-request")
        {
            throw TooLong(e); // more chunks than a list may have
        }
        var chunks = _connection.Interpret<ListedChunk[]>(
            () => [.. list.GetProperty("chunks").EnumerateArray().Select(ListedChunk.Read)]);
        return chunks.Length > 0 ? chunks : throw Foreign();
    }

    private async IAsyncEnumerable<HttpResponseMessage> ReadAllAsync(
        long rows, IReadOnlyList<ListedChunk> chunks,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = new Queue<Task<HttpResponseMessage>>();
        try
        {
            foreach (var chunk in chunks)
            {
                var whole = reading.Count == _options.Parallel ? await reading.Peek() : null;
                if (whole is not null)
                {
                    _ = reading.Dequeue();
                }
                reading.Enqueue(ReadAsync(rows, chunk, stop.Token));
                if (whole is not null)
                {
                    yield return whole;
                }
            }
            while (reading.Count > 0)
            {
                var whole = await reading.Peek();
                _ = reading.Dequeue();
                yield return whole;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)Task.WhenAll(reading)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var whole in reading.Where(task => task.IsCompletedSuccessfully))
            {
                (await whole).Dispose();
            }
        }
    }

    /// <summary>
    /// A chunk as a whole. Its address is made here: the key goes nowhere that a reply may name.
    /// </summary>
    private async Task<HttpResponseMessage> ReadAsync(long rows, ListedChunk chunk, CancellationToken cancellationToken)
    {
        var request = new ApiRequest(
            HttpMethod.Get, $"job/{_id}/result?format=ndjson&offset={chunk.Offset}&limit={rows}")
        {
            Accept = HeimdallMediaTypes.Ndjson,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        var response = await _connection.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(body, cancellationToken));
        if (hash != chunk.Sha256)
        {
            response.Dispose();
            throw new HeimdallException(
                $"The chunk of the result from row {chunk.Offset} on is not the one that Heimdall has listed: its "
                + "SHA-256 is another. Read the result again.")
            {
                JobId = _id,
            };
        }
        body.Position = 0;
        return response;
    }

    private HeimdallException TooLong(Exception? cause = null) => new(
        $"The result has no chunks of at most {_options.MaxBytes} bytes: read it as a whole, or in longer chunks.",
        cause)
    {
        JobId = _id,
    };

    private HeimdallException Foreign() =>
        HeimdallException.Foreign(_connection.Address, HttpStatusCode.OK);

    /// <summary>A chunk of the list.</summary>
    private sealed record ListedChunk(long Offset, long Rows, long Bytes, string Sha256)
    {
        public static ListedChunk Read(JsonElement chunk) => new(
            chunk.GetProperty("offset").GetInt64(), chunk.GetProperty("row_count").GetInt64(),
            chunk.GetProperty("bytes").GetInt64(), chunk.GetProperty("sha256").GetString()!);
    }
}

/// <summary>
/// Replies that have the rows of one result together, in their order. To dispose it ends what is being read.
/// </summary>
internal sealed class FollowingReplies : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly IAsyncEnumerator<HttpResponseMessage> _replies;
    private bool _isDisposed;

    public FollowingReplies(
        Func<CancellationToken, IAsyncEnumerable<HttpResponseMessage>> read, CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _replies = read(_stop.Token).GetAsyncEnumerator(_stop.Token);
    }

    /// <returns>The next one; null behind the last.</returns>
    public async Task<HttpResponseMessage?> NextAsync(CancellationToken cancellationToken)
    {
        await using var stop = cancellationToken.Register(_stop.Cancel);
        return await _replies.MoveNextAsync() ? _replies.Current : null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }
        _isDisposed = true;
        await _stop.CancelAsync();
        await _replies.DisposeAsync();
        _stop.Dispose();
    }
}
