using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;
using ZstdSharp;

namespace Heimdall.Core.Results;

/// <summary>Reads a page of a stored result into a writer. While the rows of one chunk are written, the next one is read and unpacked.</summary>
internal sealed class ResultReplay : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly IAsyncEnumerator<StoredChunk> _chunks;
    private readonly Decompressor _decompressor = new();
    private Task<ReplayedChunk?> _ahead;

    private ResultReplay(IResultChunks chunks, ResultKey result, long fromRow, CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _chunks = chunks.ReadAsync(result, fromRow, _stop.Token).GetAsyncEnumerator(_stop.Token);
        _ahead = ReadAheadAsync();
    }

    /// <exception cref="ResultStorageException">Not all of the rows can be read.</exception>
    public static async Task RunAsync(
        IResultChunks chunks, StoredResult result, ResultPage page, IResultWriter writer, CancellationToken cancellationToken)
    {
        var end = page.EndOf(result.RowCount);
        if (page.Offset < end)
        {
            await using var replay = new ResultReplay(chunks, result.Key, page.Offset, cancellationToken);
            await replay.WriteAsync(page.Offset, end, result.Columns.Count, writer, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            (await _ahead)?.Dispose();
        }
        catch (Exception exception) when (exception is OperationCanceledException or ResultStorageException)
        {
            // Nobody waits for this chunk any more.
        }
        await _chunks.DisposeAsync();
        _decompressor.Dispose();
        _stop.Dispose();
    }

    private async Task WriteAsync(long row, long end, int columns, IResultWriter writer, CancellationToken cancellationToken)
    {
        while (row < end)
        {
            using var chunk = await _ahead;
            if (chunk is null || row < chunk.FirstRow || row >= chunk.FirstRow + chunk.Rows)
            {
                throw new ResultStorageException($"A result has {end} rows, but row {row} is missing.", isLost: true);
            }
            var chunkEnd = chunk.FirstRow + chunk.Rows;
            _ahead = chunkEnd < end ? Task.Run(ReadAheadAsync, CancellationToken.None) : Task.FromResult<ReplayedChunk?>(null);
            chunk.Skip(row - chunk.FirstRow, columns);
            await chunk.ReplayAsync(Math.Min(end, chunkEnd) - row, columns, writer, cancellationToken);
            row = chunkEnd;
        }
    }

    private async Task<ReplayedChunk?> ReadAheadAsync()
    {
        if (!await _chunks.MoveNextAsync())
        {
            return null;
        }
        using var stored = _chunks.Current;
        return ReplayedChunk.Unpack(stored, _decompressor);
    }
}
