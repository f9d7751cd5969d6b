using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;
using Npgsql;
using ZstdSharp;

namespace Heimdall.Core.Results;

/// <summary>
/// Stores the rows of a queued query, a chunk at a time. While one chunk is packed and stored the next one is gathered, and no more than
/// that: a place that is slower than the query holds it back. What has not come to its end leaves nothing behind.
/// </summary>
internal sealed class StoredResultWriter(ResultStore store, ResultKey result, string? directory, long maxBytes) : IResultWriter, IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Compressor _compressor = ResultChunk.CreateCompressor();
    private ResultChunk _chunk = new(); // gathers
    private ResultChunk _other = new(); // on its way into the store, or empty
    private Task _storing = Task.CompletedTask;
    private IChunkWriter? _chunks;
    private long _storedBytes;
    private bool _hasEnded;

    /// <summary>True when rows were left out because the result would have grown past its limit.</summary>
    public bool IsFull { get; private set; }

    public bool MayBecomeFull => true;

    /// <summary>Rows that were kept.</summary>
    public long Rows { get; private set; }

    /// <summary>Those of the rows that were kept, before they are packed.</summary>
    public long Bytes => _storedBytes + _chunk.Bytes;

    public async ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken) =>
        _chunks = await store.Retry.RunAsync(token => store.StartAsync(result, columns, directory, token), cancellationToken);

    public void StartRow() => _chunk.StartRow();

    public void WriteNull()
    {
        if (HasRoom(1))
        {
            _chunk.WriteNull();
        }
    }

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        if (HasRoom(utf8.Length + 1))
        {
            _chunk.WriteValue(utf8);
        }
    }

    public void EndRow()
    {
        if (!IsFull)
        {
            _chunk.EndRow();
            Rows++;
        }
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) =>
        _chunk.Bytes < ResultChunk.EnoughBytes ? ValueTask.CompletedTask : StoreChunkAsync(cancellationToken);

    /// <summary>Stores what is left, or an empty result if there was none, and makes it durable. It can be read once the job has ended.</summary>
    public async ValueTask EndAsync(CancellationToken cancellationToken)
    {
        if (_hasEnded)
        {
            return;
        }
        if (_chunks is null)
        {
            await StartAsync([], cancellationToken);
        }
        if (_chunk.Rows > 0)
        {
            await StoreChunkAsync(cancellationToken);
        }
        await _storing.WaitAsync(cancellationToken);
        await _chunks!.FinishAsync(cancellationToken);
        _hasEnded = true;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _storing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (_chunks is not null)
        {
            await _chunks.DisposeAsync();
            await DropUnfinishedAsync();
        }
        _chunk.Dispose();
        _other.Dispose();
        _compressor.Dispose();
        _stop.Dispose();
    }

    private bool HasRoom(int bytes)
    {
        if (!IsFull && _storedBytes + _chunk.Bytes + bytes > maxBytes)
        {
            IsFull = true;
            _chunk.TakeBackRow();
        }
        return !IsFull;
    }

    private async ValueTask StoreChunkAsync(CancellationToken cancellationToken)
    {
        await _storing.WaitAsync(cancellationToken);
        (_chunk, _other) = (_other, _chunk);
        _storedBytes += _other.Bytes;
        _chunk.Clear(firstRow: Rows);
        _storing = Task.Run(() => StoreAsync(_other), CancellationToken.None);
    }

    private async Task StoreAsync(ResultChunk chunk)
    {
        var (bytes, length) = chunk.Pack(_compressor);
        try
        {
            await _chunks!.AddAsync(chunk.FirstRow, chunk.Rows, bytes.AsMemory(0, length), _stop.Token);
        }
        finally
        {
            RowBuffers.Return(bytes);
        }
    }

    private async Task DropUnfinishedAsync()
    {
        if (_hasEnded)
        {
            return;
        }
        try
        {
            await store.DropAsync(result, CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // The store is down; the keeper finds what was left.
        }
    }
}
