namespace Heimdall.Core.Results.Chunks;

/// <summary>A place for results. What a chunk's bytes mean is none of its business.</summary>
internal interface IResultChunks
{
    /// <summary>Begins to store what an attempt has found; nothing of another attempt is touched.</summary>
    IChunkWriter Write(ResultKey result);

    /// <summary>Reads chunks in their order, from the one that holds a row; those before it are not read.</summary>
    /// <exception cref="ResultStorageException">What is stored cannot be read. (A chunk that is missing at the end is not noticed here.)</exception>
    IAsyncEnumerable<StoredChunk> ReadAsync(ResultKey result, long fromRow, CancellationToken cancellationToken);
}
