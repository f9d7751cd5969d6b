using Heimdall.Core.Database;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>Puts the rows of a queued query into the store, a chunk at a time.</summary>
internal sealed class StoredResultWriter(ResultStore store, Guid jobId, int attempt, long maxBytes) : IResultWriter
{
    private const int ChunkBytes = 256 * 1024;

    private readonly ResultChunk _chunk = new();
    private bool _started;
    private int _chunks;
    private long _bytes;
    private long _rows;

    /// <summary>True when rows were left out because the result grew past its limit.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Rows that were kept.</summary>
    public long Rows => _rows;

    public async ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        _started = true;
        await StoreAsync(token => store.StartAsync(jobId, attempt, columns, token), cancellationToken);
    }

    public void StartRow()
    {
    }

    public void WriteNull()
    {
        if (!IsCut)
        {
            _chunk.WriteNull();
        }
    }

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        if (!IsCut)
        {
            _chunk.WriteValue(utf8);
        }
    }

    public void EndRow()
    {
        if (!IsCut)
        {
            _chunk.EndRow();
            _rows++;
            IsCut = _bytes + _chunk.Bytes > maxBytes;
        }
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (_chunk.Bytes >= ChunkBytes)
        {
            await StoreChunkAsync(cancellationToken);
        }
    }

    /// <summary>Stores what is left, or an empty result if there was none. It can be read once the job has ended.</summary>
    public async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        if (!_started)
        {
            await StartAsync([], cancellationToken);
        }
        if (_chunk.Rows > 0)
        {
            await StoreChunkAsync(cancellationToken);
        }
    }

    private async ValueTask StoreChunkAsync(CancellationToken cancellationToken)
    {
        _bytes += _chunk.Bytes;
        var (number, data) = (_chunks++, _chunk.Take());
        await StoreAsync(token => store.AddChunkAsync(jobId, attempt, number, data, token), cancellationToken);
    }

    /// <summary>A query goes on when the store was away for a moment: its rows wait here, and it with them.</summary>
    private static Task<bool> StoreAsync(Func<CancellationToken, Task> storeAsync, CancellationToken cancellationToken) => StoreRetry.RunAsync(
        async token =>
        {
            await storeAsync(token);
            return true;
        },
        cancellationToken);
}
